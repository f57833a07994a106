"""One correlation id follows a request to all its effects, and admin actions are audited."""

import json
from functools import partial
from typing import Any

import pytest

from tests.support.deployed_shop import Shop
from tests.support.log_groups import Logs
from tests.support.order_queue import queue_with
from tests.support.recovery_tokens import reset_request_limits
from tests.support.sent_emails import ORDERED, RESET, Mail
from tests.support.waiting import eventually


@pytest.fixture
def logs(shop: Shop) -> Logs:
    return Logs(shop)


def function_of(shop: Shop, line: dict[str, Any]) -> str:
    """Return the logical id of the function that wrote a line."""
    names = {physical: logical for logical, physical in shop.resources.items()}
    return names[line["function_name"]]


def test_order_shares_one_correlation_id_from_request_to_email(shop: Shop, logs: Logs) -> None:
    person, product = shop.sign_up(), shop.product()
    with queue_with(shop.stack, DelaySeconds="1"):
        response = person.order((product["id"], 1))
        request_id, order = response.headers["X-Request-Id"], response.json()["id"]

        def said() -> set[tuple[str, str]]:
            return {(function_of(shop, it), it["message"]) for it in logs.lines(request_id)}

        expected = {
            ("PlaceOrder", "request"),
            ("PublishEvents", "event published"),
            ("PublishEvents", "batch"),
            ("UpdateReadModels", "batch"),
            ("StartProcessing", "done"),
            ("SendEmail", "email sent"),
            ("SendEmail", "done"),
        }
        assert eventually(lambda: said() == expected), said()
        assert eventually(lambda: len(logs.lines(request_id, message="event published")) == 2)

    (request,) = logs.lines(request_id, message="request")
    assert (request["route"], request["status"]) == ("POST /api/users/{userId}/orders", 201)
    assert (request["request_id"], request["caller_id"]) == (request_id, person.id)
    logged = logs.lines(request_id, message="event published", request_id=request_id)
    assert [line["type"] for line in logged] == ["order.placed", "order.processing"]
    placed = {name: logged[0][name] for name in ("id", "type", "subject", "request_id")}
    assert placed["subject"] == order
    for function in ("StartProcessing", "SendEmail"):
        (done,) = [
            line
            for line in logs.lines(request_id, message="done")
            if function_of(shop, line) == function
        ]
        assert {name: done[name] for name in placed} == placed
    assert len(logs.lines(request_id, message="email sent", **placed | {"subject": None})) == 1
    assert all(request_id in it["request_ids"] for it in logs.lines(request_id, message="batch"))
    assert len(Mail(shop).to(person.email, ORDERED)) == 1


def test_requested_email_has_the_correlation_id_of_its_request(shop: Shop, logs: Logs) -> None:
    person = shop.sign_up()
    reset_request_limits(shop)

    for asked in (
        shop.anonymous.post("/api/password-resets", json={"email": person.email}),
        person.http.post("/api/email-verifications", json={}),
    ):
        sent = partial(logs.lines, asked.headers["X-Request-Id"], message="email sent")
        assert eventually(sent)

    assert len(Mail(shop).to(person.email, RESET)) == 1


def test_authorizer_logs_its_decision_and_both_lines_have_the_trace_id(
    shop: Shop, logs: Logs
) -> None:
    """On AWS both have one trace; the emulator starts another for the authorizer."""
    person = shop.sign_up()
    person.http.get("/api/users/me")
    (verdict,) = logs.lines(person.id, message="authorization")

    assert verdict["verdict"] == "allowed"
    assert verdict["milliseconds"] >= 0
    assert function_of(shop, verdict) == "Authorizer"
    (request,) = logs.lines(person.id, message="request", caller_id=person.id)
    assert verdict["xray_trace_id"] and request["xray_trace_id"]


def test_denied_token_logs_its_reason(shop: Shop, logs: Logs) -> None:
    response = shop.client("not.a.token").get("/api/users/me")

    assert response.status_code == 401
    assert [it["verdict"] for it in logs.lines("authorization", message="authorization")] == [
        "encoding"
    ]


def test_admin_actions_are_audited(shop: Shop, logs: Logs) -> None:
    person = shop.sign_up()
    response = shop.admin.http.patch(f"/api/users/{person.id}", json={"name": "Grace Hopper"})

    (line,) = logs.lines(response.headers["X-Request-Id"], message="admin action")
    assert (line["action"], line["actor"]) == ("PATCH /api/users/{userId}", shop.admin.id)
    assert (line["subject"], line["outcome"]) == ({"user_id": person.id}, 200)
    assert person.http.patch("/api/users/me", json={"name": "Ada"}).is_success
    assert not logs.lines(person.id, message="admin action", actor=person.id)


def test_operator_attempts_are_audited(shop: Shop, logs: Logs) -> None:
    function = shop.resources["CreateAdmin"]

    response = shop.stack.client("lambda").invoke(
        FunctionName=function, Payload=json.dumps({"email": "nobody"}).encode()
    )

    failed = json.loads(response["Payload"].read())
    assert failed["errorMessage"].startswith("ValidationError: email email")
    (line,) = logs.lines(function, message="admin action")
    assert (line["action"], line["actor"], line["subject"]) == (function, "operator", {})
    assert line["outcome"] == "ValidationError"
    assert [it["message"] for it in logs.lines(line["request_id"])] == ["failed", "admin action"]
