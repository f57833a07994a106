"""What is done with an admin's or an operator's power is on record, once for each action."""

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


class Made(Resource):
    @classmethod
    def of(cls, stored: Any) -> Self:
        raise NotImplementedError


class Seen(ResponseModel):
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
def see(caller: Caller) -> Seen:
    return Seen()


@endpoint("POST /api/products", status=201)
def make(caller: Caller) -> Made:
    return Made(id=PEAR, version=1)


def audited(log: LogLines) -> list[dict[str, Any]]:
    return [line for line in log() if line["message"] == "admin action"]


def test_id_in_upper_case_is_on_record_in_lower_case(log: LogLines) -> None:
    path = {"userId": ALICE.id.upper(), "sessionId": ALICE.session_id.upper()}

    end(event(ROUTE, path, caller=ADMIN), Context())

    (line,) = audited(log)
    assert line["subject"] == {"user_id": ALICE.id, "session_id": ALICE.session_id}


def test_what_an_admin_does_is_on_record(log: LogLines) -> None:
    path = {"userId": ALICE.id, "sessionId": ALICE.session_id}

    end(event(ROUTE, path, caller=ADMIN), Context())

    (line,) = audited(log)
    assert line["action"] == ROUTE
    assert line["actor"] == ADMIN.id
    assert line["subject"] == {"user_id": ALICE.id, "session_id": ALICE.session_id}
    assert line["outcome"] == 204
    assert (line["request_id"], line["function_name"]) == (REQUEST, "function")


def test_so_is_what_an_admin_was_refused(log: LogLines) -> None:
    path = {"userId": BOB.id, "sessionId": BOB.session_id}

    end(event(ROUTE, path, caller=ADMIN), Context())

    assert [line["outcome"] for line in audited(log)] == [403]


def test_me_and_current_are_told_as_the_ids_that_they_are(log: LogLines) -> None:
    end(event(ROUTE, {"userId": "me", "sessionId": "current"}, caller=ADMIN), Context())

    (line,) = audited(log)
    assert line["subject"] == {"user_id": ADMIN.id, "session_id": ADMIN.session_id}


def test_what_is_no_id_is_not_told(log: LogLines) -> None:
    end(event(ROUTE, {"userId": "ada@example.com", "sessionId": "x" * 43}, caller=ADMIN), Context())

    (line,) = audited(log)
    assert (line["subject"], line["outcome"]) == ({}, 404)


def test_what_was_made_is_told_by_its_id(log: LogLines) -> None:
    make(event("POST /api/products", caller=ADMIN), Context())

    (line,) = audited(log)
    assert (line["subject"], line["outcome"]) == ({"id": PEAR}, 201)


def test_reading_is_not_and_customers_are_not(log: LogLines) -> None:
    see(event("GET /api/seen", caller=ADMIN), Context())
    end(event(ROUTE, {"userId": "me", "sessionId": "current"}, caller=ALICE), Context())

    assert [line["message"] for line in log()] == ["request", "request"]


@pytest.mark.parametrize(
    ("given", "actor"),
    [
        ({}, "operator"),
        ({"operator": "arn:aws:iam::123456789012:user/ada"}, "arn:aws:iam::123456789012:user/ada"),
        ({"detail-type": "Scheduled Event"}, "schedule"),
    ],
)
def test_what_operators_and_schedules_have_done_is_on_record(
    log: LogLines, given: dict[str, Any], actor: str
) -> None:
    handler = operation(lambda _: {"id": PEAR})

    assert handler(given, Context()) == {"id": PEAR}

    (line,) = audited(log)
    assert (line["action"], line["actor"]) == ("function", actor)
    assert (line["subject"], line["outcome"]) == ({"id": PEAR}, "done")
    assert line["request_id"] == Context.aws_request_id


def test_an_operation_that_fails_is_on_record_and_still_fails(log: LogLines) -> None:
    def refuse(_: dict[str, Any]) -> dict[str, str]:
        raise EmailInUse

    with pytest.raises(SanitizedError, match="^EmailInUse: Another account uses this e-mail.$"):
        operation(refuse)({}, Context())

    assert [line["outcome"] for line in audited(log)] == ["EmailInUse"]


def test_an_operation_that_was_only_tried_is_on_record_as_such(log: LogLines) -> None:
    operation(lambda _: {"id": PEAR})({"dryRun": True}, Context())

    assert [line["outcome"] for line in audited(log)] == ["dry run"]
