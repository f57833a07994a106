"""Scopes: third-party apps reach only the endpoints that name their scope, as their user."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import pytest

from shop.caller import App, Caller, Role
from shop.entrypoints.http import endpoint
from shop.errors import InsufficientScope
from shop.http.access import SelfOrAdminCaller
from shop.http.parameters import PathId
from shop.http.response_models import ResponseModel
from shop.oauth.scopes import SCOPES, is_for_admins
from tests.support.fixtures import ADMIN, ALICE, BOB
from tests.support.gateway_events import Context, event
from tests.support.log_lines import LogLines
from tools.openapi.document import endpoints

CLIENT_ID = "01900000-0000-7000-8000-0000000000f1"
ROUTE = "POST /api/users/{userId}/orders"
CLOSED = {
    name: it
    for name, it in endpoints().items()
    if it.needs_caller and not it.scope and not it.is_open_to_apps
}


class Seen(ResponseModel):
    user_id: str
    role: str


@endpoint(ROUTE, scope="orders:write", admin_scope="admin:orders:write")
def handler(user_id: Annotated[str, PathId(me=True)], caller: SelfOrAdminCaller) -> Seen:
    return Seen(user_id=user_id, role=caller.role.value)


def app_of(user: Caller, *scopes: str) -> Caller:
    return user._replace(app=App(CLIENT_ID, frozenset(scopes), is_for_user=True))


def client_itself(*scopes: str) -> Caller:
    return Caller(CLIENT_ID, "", Role.ADMIN, App(CLIENT_ID, frozenset(scopes), is_for_user=False))


def respond(caller: Caller, user_id: str) -> tuple[int, dict[str, Any]]:
    response = handler(event(ROUTE, {"userId": user_id}, caller=caller), Context())
    return response["statusCode"], json.loads(response["body"])


@pytest.mark.parametrize(
    ("caller", "user_id", "status", "role"),
    [
        (app_of(ALICE, "orders:write"), ALICE.id, 200, "customer"),
        (app_of(ALICE, "orders:write"), "me", 200, "customer"),
        (app_of(ALICE, "orders:write"), BOB.id, 403, None),
        # The app of an admin acts as a customer, unless it has the admin scope.
        (app_of(ADMIN, "orders:write"), ADMIN.id, 200, "customer"),
        (app_of(ADMIN, "orders:write"), BOB.id, 403, None),
        (app_of(ADMIN, "admin:orders:write"), BOB.id, 200, "admin"),
        (app_of(ADMIN, "orders:write", "admin:orders:write"), BOB.id, 200, "admin"),
        # An admin scope is worth nothing without an admin.
        (app_of(ALICE, "admin:orders:write"), ALICE.id, 403, None),
        (client_itself("admin:orders:write"), BOB.id, 200, "admin"),
        (client_itself("orders:write"), BOB.id, 403, None),
        (client_itself("admin:orders:write"), "me", 404, None),
    ],
)
def test_app_acts_within_its_scopes(
    caller: Caller, user_id: str, status: int, role: str | None
) -> None:
    actual, body = respond(caller, user_id)

    assert (actual, body.get("role")) == (status, role)


def test_missing_scope_is_named() -> None:
    status, body = respond(app_of(ALICE, "orders:read"), "no-id")

    assert (status, body["error"]["code"]) == (403, "INSUFFICIENT_SCOPE")
    assert body["error"]["details"] == [
        {
            "field": "header.authorization",
            "code": "insufficient_scope",
            "message": "orders:write",
        }
    ]


@pytest.mark.parametrize("name", CLOSED)
def test_endpoint_without_a_scope_is_closed_to_apps_of_customers(name: str) -> None:
    it = CLOSED[name]
    path = dict.fromkeys(it.path_names.values(), ALICE.id)
    every_scope = app_of(ALICE, *SCOPES)

    response = it(event(it.route, path, body={"unknown": 1}, caller=every_scope), Context())

    error = json.loads(response["body"])["error"]
    assert (response["statusCode"], error["code"]) == (403, "INSUFFICIENT_SCOPE")


def test_endpoints_name_known_scopes_of_the_right_kind() -> None:
    for it in endpoints().values():
        assert it.scope is None or (it.scope in SCOPES and not is_for_admins(it.scope))
        assert it.admin_scope is None or (
            it.admin_scope in SCOPES and is_for_admins(it.admin_scope)
        )
        assert it.needs_caller or (it.scope, it.admin_scope) == (None, None), it.route


def test_earlier_version_rejects_the_context_of_an_app() -> None:
    context = event(ROUTE, caller=app_of(ALICE, *SCOPES))["requestContext"]["authorizer"]

    assert not {"sub", "sid", "role"} & context.keys()


@pytest.mark.parametrize("missing", ["user", "family", "gate_role", "scope"])
def test_incomplete_context_is_unauthorized(missing: str) -> None:
    request = event(ROUTE, {"userId": "me"}, caller=app_of(ALICE, "orders:write"))
    del request["requestContext"]["authorizer"][missing]

    assert handler(request, Context())["statusCode"] == 401


def test_app_is_logged_and_audited_beside_its_user(log: LogLines) -> None:
    def fields(message: str) -> Mapping[str, Any]:
        return next(line for line in log() if line["message"] == message)

    respond(app_of(ADMIN, "admin:orders:write"), BOB.id)

    request, action = fields("request"), fields("admin action")
    assert (request["caller_id"], request["client_id"]) == (ADMIN.id, CLIENT_ID)
    assert (action["actor"], action["client_id"]) == (ADMIN.id, CLIENT_ID)
    assert action["subject"] == {"user_id": BOB.id}


def test_log_line_of_a_session_has_no_client(log: LogLines) -> None:
    respond(ADMIN, BOB.id)

    assert all("client_id" not in line for line in log())


def test_scope_of_an_app_is_no_limit_for_a_session() -> None:
    assert ALICE.within(None, None) is ALICE
    with pytest.raises(InsufficientScope):
        app_of(ALICE, "orders:read").within(None, None)
