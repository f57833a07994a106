"""No log group contains user input or secrets, under faults too."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.support.deployed_shop import CODE_VERIFIER, Person, Shop, new_product
from tests.support.event_sources import Queue
from tests.support.fault_proxy import Call, FaultProxy, Response, Send
from tests.support.log_groups import Logs
from tests.support.recovery_tokens import reset_request_limits, token_in
from tests.support.sent_emails import RESET, VERIFICATION, WELCOME, Mail
from tests.support.waiting import eventually

MARK = "planted"


def planted(kind: str) -> str:
    return f"{MARK}{kind}{uuid4().hex}"


@dataclass
class Secrets:
    """Unique input of one user in the test."""

    email: str
    name: str
    password: str
    known: list[str]

    @classmethod
    def new(cls) -> "Secrets":
        email, name, password = f"{planted('mail')}@example.com", planted("name"), planted("pass")
        return cls(email, name, password, [email, email.partition("@")[0], name, password])

    def another(self, kind: str) -> str:
        self.known.append(planted(kind))
        return self.known[-1]

    def grant(self, grant: dict[str, Any]) -> None:
        """Add tokens and the parts of them that authenticate."""
        self.known += [grant["accessToken"], grant["accessToken"].rpartition(".")[2]]
        self.known += [grant["refreshToken"], grant["refreshToken"][-43:]]


@pytest.fixture
def logs(shop: Shop) -> Logs:
    return Logs(shop)


@pytest.fixture
def secrets() -> Secrets:
    return Secrets.new()


@pytest.fixture
def person(shop: Shop, secrets: Secrets) -> Person:
    person = shop.sign_up(email=secrets.email, name=secrets.name, password=secrets.password)
    secrets.grant(person.grant)
    return person


def assert_not_logged(logs: Logs, secrets: Secrets, *seen: httpx2.Response) -> None:
    """Assert that the log has these requests and no secret."""
    everything = "\n".join(logs.texts())
    for response in seen:
        assert response.headers["X-Request-Id"] in everything
    assert [secret for secret in secrets.known if secret in everything] == []
    # MARK also finds fragments, such as a traceback would quote.
    assert MARK not in everything


async def quoting(call: Call, send: Send) -> Response:
    """An unexpected error, with a message that quotes the request."""
    error = {"__type": "com.amazon.coral.validate#ValidationException"}
    return Response.of(400, error | {"message": json.dumps(call.request)})


def test_user_input_is_not_logged(shop: Shop, logs: Logs, secrets: Secrets, person: Person) -> None:
    client, me = person.http, f"/api/users/{person.id}"
    new = secrets.another
    product = shop.product()
    line = [{"productId": product["id"], "quantity": 1}]
    password = secrets.password
    with_key = {"Idempotency-Key": new("key")}
    responses = [
        client.get(me, headers={"User-Agent": new("agent"), "If-None-Match": f'"{new("tag")}"'}),
        client.post(f"{me}/orders", json={"items": line, "note": new("note")}, headers=with_key),
        client.post(f"{me}/orders", json={"items": line, "note": new("note")}, headers=with_key),
        client.patch(me, json={"name": new("name")}),
        client.patch(me, json={"email": f"{new('mail')}@example.com", "currentPassword": "wrong"}),
        client.put(
            f"{me}/password", json={"currentPassword": new("wrong"), "newPassword": new("pass")}
        ),
        shop.anonymous.post("/api/sessions", json={"email": secrets.email, "password": new("no")}),
        shop.anonymous.post("/api/sessions", json={"email": new("mail"), "password": password}),
        shop.anonymous.post("/api/access-tokens", json={"refreshToken": new("refresh")}),
        shop.admin.http.get("/api/users", params={"search": new("search")[:60]}),
        # Rejected by validation
        shop.anonymous.post("/api/users", json={new("field"): new("value")}),
        shop.anonymous.post("/api/users", json={"email": new("mail"), "name": 1, "password": 2}),
        shop.anonymous.post("/api/users", content=f'{{"password": "{new("pass")}'),
        shop.anonymous.post("/api/users", content=new("body"), headers={"Content-Type": "a/b"}),
        client.get(me, params={new("parameter"): new("value")}),
        client.get(f"/api/users/{new('id')}"),
        client.get(f"/api/{new('path')}"),
        client.patch(me, json={"name": "Ada"}, headers={"If-Match": new("tag")}),
        shop.anonymous.put(f"/api/email-verifications/{new('token')}"),
        shop.anonymous.put(
            f"/api/password-resets/{uuid4().hex + uuid4().hex[:11]}", json={"password": new("pass")}
        ),
        shop.admin.http.post("/api/products", json=new_product() | {"sku": new("sku") * 9}),
        shop.admin.http.delete(f"/api/products/{new('product')}"),
    ]
    # Rejected before any function
    shop.client(f"{new('a')}.{new('b')}.{new('c')}").get(me)
    shop.client(new("token")).get(me)

    assert_not_logged(logs, secrets, *responses[:10])


def test_email_tokens_are_not_logged(
    shop: Shop, logs: Logs, secrets: Secrets, person: Person
) -> None:
    mail = Mail(shop)
    reset_request_limits(shop)
    secrets.known.append(token_in(mail.to(secrets.email, WELCOME)[0]))
    person.http.post("/api/email-verifications", json={})
    shop.anonymous.post("/api/password-resets", json={"email": secrets.email})
    verification = token_in(mail.to(secrets.email, VERIFICATION)[0])
    reset = token_in(mail.to(secrets.email, RESET)[0])
    secrets.known += [verification, reset]

    done = [
        shop.anonymous.put(f"/api/email-verifications/{verification}"),
        shop.anonymous.put(
            f"/api/password-resets/{reset}", json={"password": secrets.another("pass")}
        ),
    ]

    assert [response.status_code for response in done] == [204, 204]
    mail.wait_until_idle()
    assert_not_logged(logs, secrets, *done)


def test_secrets_of_oauth_are_in_no_log_trace_or_table(
    shop: Shop, logs: Logs, secrets: Secrets, person: Person
) -> None:
    client = shop.oauth_client()
    state, nonce = secrets.another("state"), planted("nonce")
    form = {"client_id": client["id"], "client_secret": client["secret"]}
    sent = person.authorize(client, state=state, nonce=nonce)
    exchange = form | {"grant_type": "authorization_code", "code_verifier": CODE_VERIFIER}
    first = shop.anonymous.post("/oauth/token", data=exchange | {"code": sent["code"]})
    tokens = first.json()
    refresh = form | {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    renewed = shop.anonymous.post("/oauth/token", data=refresh)
    issued = [client["secret"], sent["code"], CODE_VERIFIER]
    issued += [it.json()[name] for it in (first, renewed) for name in ("access_token", "id_token")]
    issued += [it.json()["refresh_token"] for it in (first, renewed)]
    secrets.known += issued + [it[-40:] for it in issued]
    query = {
        "client_id": client["id"],
        "redirect_uri": client["redirectUris"][0],
        "state": state,
        "login_hint": secrets.email,
    }
    responses = [
        first,
        renewed,
        shop.anonymous.get("/oauth/authorize", params=query, follow_redirects=False),
        shop.anonymous.post("/oauth/introspect", data=form | {"token": tokens["access_token"]}),
        shop.anonymous.post("/oauth/token", data=exchange | {"code": sent["code"]}),
        shop.anonymous.post("/oauth/revoke", data=form | {"token": tokens["refresh_token"]}),
        shop.anonymous.post("/oauth/token", data=form | {"client_secret": secrets.another("no")}),
    ]

    assert [it.status_code for it in responses] == [200, 200, 303, 200, 400, 200, 401]
    assert_not_logged(logs, secrets, *responses)
    traces = shop.stack.emulator.traces.read_text()
    assert responses[0].headers["X-Request-Id"] in traces
    tables = str([shop.table(name) for name in shop.resources if name.endswith("Table")])
    assert client["id"] in traces + tables
    for secret in {state, *issued}:
        assert secret not in traces and secret[-40:] not in traces
        assert secret not in tables and secret[-40:] not in tables


def test_traces_of_failures_contain_no_user_input(
    shop: Shop, logs: Logs, secrets: Secrets, faults: FaultProxy, person: Person
) -> None:
    sign_up = {"email": f"{planted('mail')}@example.com", "name": planted("name")}
    assert person.http.get("/api/users/me").status_code == 200  # cached by the authorizer
    with faults.on(quoting):
        responses = [
            person.http.patch(f"/api/users/{person.id}", json={"name": planted("name")}),
            shop.anonymous.post("/api/users", json=sign_up | {"password": planted("pass")}),
            shop.anonymous.post(
                "/api/sessions", json={"email": secrets.email, "password": secrets.password}
            ),
            person.http.post(
                f"/api/users/{person.id}/orders",
                json={"items": [{"productId": person.id, "quantity": 1}], "note": planted("note")},
            ),
        ]

    for response in responses:
        assert response.status_code == 500
        (failed,) = logs.lines(response.headers["X-Request-Id"], message="unhandled exception")
        assert "ValidationException" in failed["exception"]
        assert "in _respond" in failed["exception"]
    assert_not_logged(logs, secrets, *responses)


def test_operator_input_is_not_logged(shop: Shop, logs: Logs, secrets: Secrets) -> None:
    lambda_, function = shop.stack.client("lambda"), shop.resources["CreateAdmin"]
    for event in (
        {"email": planted("mail"), "name": planted("name"), "password": planted("pass")},
        {planted("field"): planted("value")},
    ):
        response = lambda_.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        assert "FunctionError" in response

    assert len(logs.lines(function, message="admin action")) == 2
    assert_not_logged(logs, secrets)


def test_content_of_a_failing_message_is_not_logged(
    shop: Shop, logs: Logs, secrets: Secrets
) -> None:
    queue = Queue(shop.stack, shop.resources["EmailsToSend"])
    event = {"id": str(uuid4()), "type": "user.registered", "time": planted("time"), "data": {}}
    queue.send_all(json.dumps({"detail": event | {"data": {"email": planted("mail")}}}))
    queue.send_all(planted("body"))

    assert eventually(lambda: len(logs.lines("failed", message="failed")) == 2)
    shop.stack.client("sqs").purge_queue(QueueUrl=queue.url)

    assert_not_logged(logs, secrets)
