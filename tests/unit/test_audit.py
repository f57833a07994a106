"""Audit lines: one for each action with the power of an admin or an operator."""

from typing import Annotated, Any, Self

import pytest

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.entrypoints.operation import operation
from shop.errors import EmailInUse, Forbidden
from shop.http.parameters import PathId
from shop.http.response_models import Resource, ResponseModel
from shop.redaction import SanitizedError
from tests.support.fixtures import ADMIN, ALICE, BOB
from tests.support.gateway_events import Context, event
from tests.support.log_lines import LogLines

REQUEST = "11111111-2222-3333-4444-555555555555"
ROUTE = "DELETE /api/users/{userId}/sessions/{sessionId}"
PEAR = "01900000-0000-7000-8000-0000000000b1"


class CreatedThing(Resource):
    resource_name = "product"

    @classmethod
    def of(cls, stored: Any) -> Self:
        raise NotImplementedError


class ReadThing(ResponseModel):
    text: str = "seen"


@endpoint(ROUTE)
def end(
    user_id: Annotated[str, PathId(me=True)],
    session_id: Annotated[str, PathId(current=True)],
    caller: Caller,
) -> None:
    if user_id == BOB.id:
        raise Forbidden


@endpoint("GET /api/seen")
def see(caller: Caller) -> ReadThing:
    return ReadThing()


@endpoint("GET /api/users/{userId}/data", is_audited=True)
def export(user_id: Annotated[str, PathId(me=True)], caller: Caller) -> ReadThing:
    return ReadThing()


@endpoint("POST /api/products", status=201)
def make(caller: Caller) -> CreatedThing:
    return CreatedThing(id=PEAR, version=1)


def audited(log: LogLines) -> list[dict[str, Any]]:
    return [line for line in log() if line["message"] == "admin action"]


def test_id_in_upper_case_is_audited_in_lower_case(log: LogLines) -> None:
    path = {"userId": ALICE.id.upper(), "sessionId": ALICE.session_id.upper()}

    end(event(ROUTE, path, caller=ADMIN), Context())

    (line,) = audited(log)
    assert line["subject"] == {"user_id": ALICE.id, "session_id": ALICE.session_id}


def test_admin_action_is_audited(log: LogLines) -> None:
    path = {"userId": ALICE.id, "sessionId": ALICE.session_id}

    end(event(ROUTE, path, caller=ADMIN), Context())

    (line,) = audited(log)
    assert line["action"] == ROUTE
    assert line["actor"] == ADMIN.id
    assert line["subject"] == {"user_id": ALICE.id, "session_id": ALICE.session_id}
    assert line["outcome"] == 204
    assert (line["request_id"], line["function_name"]) == (REQUEST, "function")


def test_rejected_admin_action_is_audited(log: LogLines) -> None:
    path = {"userId": BOB.id, "sessionId": BOB.session_id}

    end(event(ROUTE, path, caller=ADMIN), Context())

    assert [line["outcome"] for line in audited(log)] == [403]


def test_aliases_are_audited_as_ids(log: LogLines) -> None:
    end(event(ROUTE, {"userId": "me", "sessionId": "current"}, caller=ADMIN), Context())

    (line,) = audited(log)
    assert line["subject"] == {"user_id": ADMIN.id, "session_id": ADMIN.session_id}


def test_malformed_id_is_not_logged(log: LogLines) -> None:
    end(event(ROUTE, {"userId": "ada@example.com", "sessionId": "x" * 43}, caller=ADMIN), Context())

    (line,) = audited(log)
    assert (line["subject"], line["outcome"]) == ({}, 404)


def test_created_resource_is_audited_by_its_id(log: LogLines) -> None:
    make(event("POST /api/products", caller=ADMIN), Context())

    (line,) = audited(log)
    assert (line["subject"], line["outcome"]) == ({"id": PEAR}, 201)


def test_reads_and_customers_are_not_audited(log: LogLines) -> None:
    see(event("GET /api/seen", caller=ADMIN), Context())
    end(event(ROUTE, {"userId": "me", "sessionId": "current"}, caller=ALICE), Context())

    assert [line["message"] for line in log()] == ["request", "request"]


def test_audited_read_of_an_admin_is_audited(log: LogLines) -> None:
    for caller in (ALICE, ADMIN):
        path = {"userId": ALICE.id}
        export(event("GET /api/users/{userId}/data", path, caller=caller), Context())

    (line,) = audited(log)
    assert (line["actor"], line["outcome"]) == (ADMIN.id, 200)
    assert line["subject"] == {"user_id": ALICE.id}


@pytest.mark.parametrize(
    ("given", "actor"),
    [
        ({}, "operator"),
        ({"operator": "arn:aws:iam::123456789012:user/ada"}, "arn:aws:iam::123456789012:user/ada"),
        ({"detail-type": "Scheduled Event"}, "schedule"),
    ],
)
def test_operator_and_scheduled_actions_are_audited(
    log: LogLines, given: dict[str, Any], actor: str
) -> None:
    handler = operation(lambda _: {"id": PEAR})

    assert handler(given, Context()) == {"id": PEAR}

    (line,) = audited(log)
    assert (line["action"], line["actor"]) == ("function", actor)
    assert (line["subject"], line["outcome"]) == ({"id": PEAR}, "done")
    assert line["request_id"] == Context.aws_request_id


def test_failed_operation_is_audited_and_still_fails(log: LogLines) -> None:
    def reject(_: dict[str, Any]) -> dict[str, str]:
        raise EmailInUse

    with pytest.raises(SanitizedError, match="^EmailInUse: This email address is already in use.$"):
        operation(reject)({}, Context())

    assert [line["outcome"] for line in audited(log)] == ["EmailInUse"]


def test_dry_run_is_audited_as_such(log: LogLines) -> None:
    operation(lambda _: {"id": PEAR})({"dryRun": True}, Context())

    assert [line["outcome"] for line in audited(log)] == ["dry run"]
