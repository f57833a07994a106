"""OAuth's flows through the handlers: register, authorize, exchange, use, refresh, revoke."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from functions.authorizer import authorize
from functions.oauth import (
    create_authorization,
    create_client_secret,
    create_oauth_client,
    create_token,
    introspect_token,
    revoke_token,
)
from functions.orders import list_orders
from functions.users import get_user
from shop.caller import Caller, Role
from shop.clients import dynamodb
from shop.dynamo import tables
from shop.identity.keys.key_store import key_store
from shop.identity.sessions.models import Session
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.repositories.test_schema_versions import log_in
from tests.support.aws_mock import fresh_aws
from tests.support.gateway_events import Context, event
from tests.support.log_lines import LogLines
from tests.support.stored_shop import sign_up

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ARN = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/api/users/me"
APP = {
    "name": "Invoice robot",
    "type": "public",
    "redirectUris": ["http://127.0.0.1/callback"],
    "grantTypes": ["authorization_code", "refresh_token"],
    "scopes": ["openid", "account:read"],
}
SERVER = APP | {
    "type": "confidential",
    "redirectUris": ["https://robot.example/callback"],
    "grantTypes": ["authorization_code", "refresh_token", "client_credentials"],
    "scopes": ["openid", "account:read", "admin:users:read"],
}


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        key_store().create_if_absent()
        yield


@pytest.fixture
def user(aws: None) -> User:
    return sign_up()


@pytest.fixture
def session(user: User) -> Session:
    return log_in(user)


@pytest.fixture
def caller(user: User, session: Session) -> Caller:
    return Caller(user.id, session.id, Role.CUSTOMER)


@pytest.fixture
def admin(aws: None) -> Caller:
    user = sign_up()
    promoted = user._replace(role=Role.ADMIN, version=2)
    UserRepository().save(user, promoted)
    return Caller(user.id, log_in(promoted).id, Role.ADMIN)


def sent(handler: Any, request: Mapping[str, Any]) -> tuple[int, Any]:
    response = handler(request, Context())
    return response["statusCode"], json.loads(response["body"] or "null")


def register(admin: Caller, client: Mapping[str, Any]) -> str:
    request = event("POST /api/oauth-clients", body=client, caller=admin)
    status, body = sent(create_oauth_client.handler, request)
    assert status == 201, body
    return str(body["id"])


def secret_of(admin: Caller, client_id: str) -> str:
    request = event(
        "POST /api/oauth-clients/{clientId}/secrets",
        {"clientId": client_id},
        body={"keepPrevious": False},
        caller=admin,
    )
    status, body = sent(create_client_secret.handler, request)
    assert status == 201, body
    return str(body["secret"])


def code_for(caller: Caller, client_id: str, redirect_uri: str, scope: str) -> str:
    body = {
        "clientId": client_id,
        "redirectUri": redirect_uri,
        "responseType": "code",
        "scope": scope,
        "state": "x",
        "codeChallenge": CHALLENGE,
        "codeChallengeMethod": "S256",
        "nonce": "n",
        "consent": "given",
    }
    request = event("POST /api/authorizations", body=body, caller=caller)
    status, answer = sent(create_authorization.handler, request)
    assert status == 200, answer
    (code,) = parse_qs(urlsplit(str(answer["redirectTo"])).query)["code"]
    return code


def post(
    handler: Any, route: str, form: Mapping[str, str], basic: tuple[str, str] | None = None
) -> tuple[int, Any]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if basic is not None:
        headers["Authorization"] = "Basic " + b64encode(":".join(basic).encode()).decode()
    return sent(handler, event(route, raw=urlencode(form).encode(), headers=headers))


def token(form: Mapping[str, str], basic: tuple[str, str] | None = None) -> tuple[int, Any]:
    return post(create_token.handler, "POST /oauth/token", form, basic)


def exchange(code: str, client_id: str) -> tuple[int, Any]:
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    return token(form | {"client_id": client_id})


def authorized(access_token: str) -> dict[str, Any]:
    """Return the authorizer's context of a token; empty if it is denied."""
    request = {"type": "TOKEN", "authorizationToken": f"Bearer {access_token}", "methodArn": ARN}
    context: dict[str, Any] = authorize.handler(request, Context())["context"]
    return context


def call(handler: Any, route: str, access_token: str, user_id: str = "me") -> int:
    request = event(route, {"userId": user_id})
    request["requestContext"]["authorizer"] = authorized(access_token)
    status, _ = sent(handler, request)
    return status


@pytest.fixture
def app(admin: Caller) -> str:
    return register(admin, APP)


@pytest.fixture
def granted(caller: Caller, app: str) -> dict[str, Any]:
    code = code_for(caller, app, "http://127.0.0.1:51004/callback", "openid account:read")
    status, tokens = exchange(code, app)
    assert status == 200, tokens
    return dict(tokens)


def test_app_reads_with_its_scope_as_the_user(
    caller: Caller, app: str, granted: dict[str, Any], user: User
) -> None:
    access_token = granted["access_token"]

    assert granted["token_type"] == "Bearer" and granted["expires_in"] == 900
    assert granted["scope"] == "openid account:read"
    context = authorized(access_token)
    assert context.keys() == {"user", "client", "family", "gate_role", "scope"}
    assert (context["user"], context["client"]) == (user.id, app)
    assert call(get_user.handler, "GET /api/users/{userId}", access_token) == 200
    assert call(list_orders.handler, "GET /api/users/{userId}/orders", access_token) == 403


def test_tokens_have_exactly_the_promised_claims(
    app: str, granted: dict[str, Any], user: User
) -> None:
    access, id_ = (
        jwt.decode(granted[name], options={"verify_signature": False})
        for name in ("access_token", "id_token")
    )

    assert access.keys() == {
        *("iss", "aud", "sub", "exp", "iat", "jti", "client_id", "scope", "sid")
    }
    assert (access["iss"], access["sub"], access["client_id"]) == (
        "https://login.example",
        user.id,
        app,
    )
    assert id_.keys() == {"iss", "aud", "sub", "iat", "exp", "auth_time", "nonce"}
    assert (id_["aud"], id_["sub"], id_["nonce"]) == (app, user.id, "n")
    assert jwt.get_unverified_header(granted["id_token"])["typ"] == "JWT"
    assert authorized(granted["id_token"]) == {}


def test_refresh_and_revocation(app: str, granted: dict[str, Any]) -> None:
    form = {"grant_type": "refresh_token", "client_id": app}
    status, refreshed = token(form | {"refresh_token": granted["refresh_token"]})
    assert status == 200 and refreshed["refresh_token"] != granted["refresh_token"]

    revocation = {"token": refreshed["refresh_token"], "client_id": app}
    assert post(revoke_token.handler, "POST /oauth/revoke", revocation) == (200, None)

    assert authorized(refreshed["access_token"]) == {}
    status, body = token(form | {"refresh_token": refreshed["refresh_token"]})
    assert (status, body["error"]) == (400, "invalid_grant")
    assert post(revoke_token.handler, "POST /oauth/revoke", revocation) == (200, None)


def test_revoked_access_token_ends_its_family(app: str, granted: dict[str, Any]) -> None:
    form = {"token": granted["access_token"], "client_id": app}

    assert post(revoke_token.handler, "POST /oauth/revoke", form) == (200, None)

    assert authorized(granted["access_token"]) == {}


def test_other_client_revokes_nothing(admin: Caller, app: str, granted: dict[str, Any]) -> None:
    other = register(admin, APP)

    for name in ("access_token", "refresh_token"):
        form = {"token": granted[name], "client_id": other}
        assert post(revoke_token.handler, "POST /oauth/revoke", form) == (200, None)

    assert authorized(granted["access_token"]) != {}


def test_client_itself_reads_as_an_admin_until_its_token_is_revoked(
    admin: Caller, user: User
) -> None:
    client_id = register(admin, SERVER)
    basic = (client_id, secret_of(admin, client_id))

    status, tokens = token({"grant_type": "client_credentials"}, basic)

    assert status == 200 and tokens.keys() == {
        *("access_token", "token_type", "expires_in", "scope")
    }
    access_token = tokens["access_token"]
    route = "GET /api/users/{userId}"
    assert call(get_user.handler, route, access_token, user.id) == 200
    assert call(get_user.handler, route, access_token, "me") == 404
    assert post(revoke_token.handler, "POST /oauth/revoke", {"token": access_token}, basic) == (
        200,
        None,
    )
    assert authorized(access_token) == {}


def test_introspection_shows_own_live_tokens_only(admin: Caller, caller: Caller) -> None:
    client_id = register(admin, SERVER)
    basic = (client_id, secret_of(admin, client_id))
    code = code_for(caller, client_id, "https://robot.example/callback", "account:read")
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    _, tokens = token(form, basic)

    def inspected(text: str, by: tuple[str, str]) -> Any:
        route = "POST /oauth/introspect"
        return post(introspect_token.handler, route, {"token": text}, by)

    other = register(admin, SERVER)
    others = (other, secret_of(admin, other))
    for name, kind in (("access_token", "Bearer"), ("refresh_token", None)):
        status, body = inspected(tokens[name], basic)
        assert (status, body["active"], body["scope"]) == (200, True, "account:read")
        assert (body["sub"], body["client_id"]) == (caller.id, client_id)
        assert body.get("token_type") == kind
        assert inspected(tokens[name], others) == (200, {"active": False})
    assert inspected("x", basic) == (200, {"active": False})
    post(revoke_token.handler, "POST /oauth/revoke", {"token": tokens["access_token"]}, basic)
    for name in ("access_token", "refresh_token"):
        assert inspected(tokens[name], basic) == (200, {"active": False})


@pytest.mark.parametrize(
    ("form", "error", "is_named"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant", True),
        ({"grant_type": "password"}, "unsupported_grant_type", True),
        ({"client_id": "no id"}, "invalid_client", False),
    ],
)
def test_error_is_logged_with_the_client_that_the_request_names(
    app: str, log: LogLines, form: dict[str, str], error: str, is_named: bool
) -> None:
    token({"client_id": app} | form)

    line = log()[-1]
    assert (line["error"], line.get("client_id")) == (error, app if is_named else None)


def test_public_client_inspects_nothing(app: str, granted: dict[str, Any]) -> None:
    form = {"token": granted["access_token"], "client_id": app}

    status, body = post(introspect_token.handler, "POST /oauth/introspect", form)

    assert (status, body["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("raw", "content_type", "description"),
    [
        (b"{}", "application/json", "The body must be application/x-www-form-urlencoded."),
        (b"", "", "The body must be application/x-www-form-urlencoded."),
        (b"grant_type=%FF", None, "The form is malformed."),
        (b"a=1&" * 50 + b"grant_type=x", None, "The form is malformed."),
        (b"grant_type=a&grant_type=b", None, "A parameter is given more than once."),
        (b"grant_type=\xff", None, "The form is malformed."),
    ],
)
def test_malformed_form_is_an_invalid_request(
    raw: bytes, content_type: str | None, description: str
) -> None:
    sent_type = content_type if content_type is not None else "application/x-www-form-urlencoded"
    request = event("POST /oauth/token", raw=raw, headers={"Content-Type": sent_type})

    response = create_token.handler(request, Context())

    assert response["statusCode"] == 400
    assert json.loads(response["body"]) == {
        "error": "invalid_request",
        "error_description": description,
    }
    assert response["headers"]["Cache-Control"] == "no-store"
    assert response["headers"]["Pragma"] == "no-cache"
    assert response["headers"]["Access-Control-Allow-Origin"] == "*"


def test_empty_and_unknown_parameters_are_ignored(app: str) -> None:
    form = {"grant_type": "", "client_id": app, "resource": "x"}

    status, body = token(form)

    assert (status, body["error_description"]) == (400, "grant_type is missing.")


def test_secrets_are_in_no_table_and_no_log(
    admin: Caller, app: str, granted: dict[str, Any], log: LogLines
) -> None:
    client_id = register(admin, SERVER)
    secret = secret_of(admin, client_id)
    secrets = [secret, granted["access_token"], granted["refresh_token"], granted["id_token"]]

    names = dynamodb().list_tables()["TableNames"]
    stored = repr([dynamodb().scan(TableName=name)["Items"] for name in names])
    logged = repr(log())

    assert not [it for it in secrets if it in stored or it in logged]
    assert tables.grants() in names
