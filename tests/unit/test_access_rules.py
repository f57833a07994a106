"""Access rules: every endpoint authorizes its caller before it validates the request."""

import json
from typing import Any

import pytest

from shop.caller import Caller
from shop.errors import Forbidden
from shop.http.access import AdminCaller, SelfCaller, SelfOrAdminCaller
from tests.support.fixtures import ADMIN, ALICE, BOB
from tests.support.gateway_events import Context, event
from tools.openapi.document import DOCUMENT, endpoints

ENDPOINTS = endpoints()
# Any: type checkers see these as the types that they annotate.
ALL_RULES: tuple[Any, ...] = (AdminCaller, SelfCaller, SelfOrAdminCaller)
RULES = {rule.__metadata__[0] for rule in ALL_RULES}
WITH_RULE = {name: it for name, it in ENDPOINTS.items() if it.access is not None}
# Endpoints for any caller: their resources belong to the caller.
OF_ANY_CALLER = {
    "authenticators/confirm_authenticator",
    "authenticators/create_authenticator",
    "authenticators/create_passkey",
    "authenticators/create_recovery_codes",
    "authenticators/delete_authenticator",
    "authenticators/list_authenticators",
    "graphql/execute_graph_ql",  # services check each field
    "oauth/create_authorization",
    "oauth/delete_grant",
    "oauth/get_userinfo",
    "oauth/list_grants",
    "recovery/create_email_verification",
    "sessions/delete_all_sessions",
    "sessions/delete_session",
    "sessions/list_sessions",
}


def test_every_endpoint_with_a_caller_has_a_rule_or_allows_any_caller() -> None:
    with_caller = {name for name, it in ENDPOINTS.items() if it.needs_caller}

    assert with_caller - WITH_RULE.keys() == OF_ANY_CALLER, (
        "annotate the caller with a rule of shop/http/access.py, or name the endpoint in "
        "OF_ANY_CALLER of this file"
    )
    assert {it.access for it in WITH_RULE.values()} == RULES


@pytest.mark.parametrize("name", WITH_RULE)
def test_rejected_caller_is_forbidden_for_any_input(name: str) -> None:
    endpoint = WITH_RULE[name]
    path = dict.fromkeys(endpoint.path_names.values(), BOB.id)
    invalid: list[dict[str, Any]] = [
        {"body": {"unknown": 1}},
        {"raw": b"{"},
        {"raw": b"x" * 1024 * 1024 * 2},
        {"body": {}, "headers": {"Content-Type": "text/plain"}},
        {"body": {}, "headers": {"If-Match": "x", "If-None-Match": "x", "Idempotency-Key": " "}},
        {"body": {}, "query": {"unknown": "1", "limit": "x"}},
    ]
    requests = [event(endpoint.route, path, caller=ALICE, **it) for it in invalid]
    no_ids = dict.fromkeys(path, "no-id")
    requests.append(event(endpoint.route, no_ids, caller=ALICE))

    for request in requests:
        response = endpoint(request, Context())
        error = json.loads(response["body"])["error"]
        assert (response["statusCode"], error["code"]) == (403, "FORBIDDEN"), request
        assert "details" not in error

    anonymous = endpoint(event(endpoint.route, path, body={"unknown": 1}), Context())
    assert anonymous["statusCode"] == 401


def allowed(rule: Any, caller: Caller, user: str) -> bool:
    try:
        rule.__metadata__[0].check(caller, {"userId": user})
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize(
    ("rule", "caller", "user", "expected"),
    [
        (AdminCaller, ADMIN, BOB.id, True),
        (AdminCaller, BOB, BOB.id, False),
        (SelfOrAdminCaller, ADMIN, BOB.id, True),
        (SelfOrAdminCaller, ADMIN, "no-id", True),
        (SelfOrAdminCaller, BOB, BOB.id, True),
        (SelfOrAdminCaller, BOB, BOB.id.upper(), True),
        (SelfOrAdminCaller, BOB, "me", True),
        (SelfOrAdminCaller, BOB, "ME", False),
        (SelfOrAdminCaller, BOB, ALICE.id, False),
        (SelfOrAdminCaller, BOB, "", False),
        (SelfCaller, BOB, "me", True),
        (SelfCaller, BOB, BOB.id.upper(), True),
        (SelfCaller, ADMIN, BOB.id, False),
    ],
)
def test_rule_allows_the_user_in_the_path(
    rule: Any, caller: Caller, user: str, expected: bool
) -> None:
    assert allowed(rule, caller, user) is expected


@pytest.mark.parametrize("name", WITH_RULE)
def test_rule_is_in_the_document(name: str) -> None:
    endpoint = WITH_RULE[name]
    assert endpoint.access is not None
    document = json.loads(DOCUMENT.read_text())

    operation = document["paths"][endpoint.path][endpoint.method.lower()]

    assert operation["description"].endswith(endpoint.access.description)
    assert "403" in operation["responses"]
