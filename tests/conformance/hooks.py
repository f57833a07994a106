"""Hooks around each request of a run: stand-in users, fresh keys, and the exclusions."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: call arguments and request parts have many types
from uuid import uuid4

import httpx2
import schemathesis
from schemathesis import Case, HookContext
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response

from tests.conformance import exclusions
from tests.support.conformance_users import sign_up
from tests.support.fixtures import PASSWORD
from tests.support.waiting import HANG_SECONDS

# Operations that would change or log out their sender, and so break all later requests.
OF_ACCOUNTS = {"changePassword", "deleteUser", "replaceUser", "updateUser"}
OF_SESSIONS = {"deleteAllSessions", "deleteSession"}

_users = json.loads(Path(os.environ["SCHEMATHESIS_USERS"]).read_text())["auth"]
_names = {user["fixedHeaders"][0]["value"]: user["name"] for user in _users}
_ids = {"me", *(user["id"] for user in _users)}


class StandIn:
    """A newly signed-up user, replaced after a request has changed the account or its session."""

    def __init__(self) -> None:
        self._http = httpx2.Client(base_url=os.environ["SCHEMATHESIS_URL"], timeout=HANG_SECONDS)
        self._person: Mapping[str, str] | None = None

    def user(self) -> Mapping[str, str]:
        if self._person is None:
            self._person = sign_up(self._http)
        return self._person

    def leave(self) -> None:
        self._person = None


_stand_in = StandIn()


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    _refresh_examples(case)
    _send_stand_in(case)
    # The checker misses the token, which is in no schema, and would call the changed request
    # invalid. All changes here keep requests valid.
    case._sync_validated_hashes()


def _refresh_examples(case: Case[Any]) -> None:
    """Replace example values that work only once, or every later request would fail for them."""
    if case.headers.get("Idempotency-Key") == "my-first-order":
        case.headers["Idempotency-Key"] = uuid4().hex
    if case.headers.get("If-Match") == '"1"':
        case.headers["If-Match"] = "*"
    if case.query.get("cursor") == "bmV4dCBwYWdl":
        del case.query["cursor"]


def _send_stand_in(case: Case[Any]) -> None:
    """Send requests about accounts and sessions as a stand-in, to keep the run's users intact."""
    operation = case.operation.definition.raw["operationId"]
    sender = _names.get(case.headers.get("Authorization", ""))
    if sender is None or operation not in OF_ACCOUNTS | OF_SESSIONS:
        return
    if sender == "admin" and operation in OF_ACCOUNTS:
        if case.path_parameters.get("userId") in _ids:
            case.path_parameters["userId"] = _stand_in.user()["id"]
    else:
        case.headers["Authorization"] = f"Bearer {_stand_in.user()['token']}"
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    if operation == "changePassword" and positive and isinstance(case.body, dict):
        case.body["currentPassword"] = PASSWORD


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    operation = case.operation.definition.raw["operationId"]
    if operation in OF_ACCOUNTS | OF_SESSIONS and response.status_code < 300:
        _stand_in.leave()


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    return exclusions.is_included(case)


@schemathesis.hook
def filter_failure(
    context: HookContext, failure: Failure, case: Case[Any], response: Response
) -> bool:
    return not exclusions.is_none(failure, case, response)
