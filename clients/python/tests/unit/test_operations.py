"""Operations: each has a method, or a reason to have none."""

import ast
import inspect
import re

from shop_client import _async, _core, bodies, operations, tokens
from shop_client._core import Operation

BY_REQUEST = {
    "CHANGE_WEBHOOK_SECRET": "for admins, rarely",
    "CHECK_HEALTH": "for operators",
    "CHECK_READINESS": "for operators",
    "CONFIRM_AUTHENTICATOR": "for the page of the account",
    "CREATE_AUTHENTICATOR": "for the page of the account",
    "CREATE_AUTHORIZATION": "for the page of the sign-in",
    "CREATE_CLIENT_SECRET": "for admins, rarely",
    "CREATE_OAUTH_CLIENT": "for admins, rarely",
    "CREATE_PASSKEY": "for browsers",
    "CREATE_PASSKEY_CHALLENGE": "for browsers",
    "CREATE_PASSKEY_SESSION": "for browsers",
    "CREATE_RECOVERY_CODES": "for the page of the account",
    "CREATE_WEBHOOK_DELIVERY": "for admins, rarely",
    "CREATE_WEBHOOK_ENDPOINT": "for admins, rarely",
    "DELETE_AUTHENTICATOR": "for the page of the account",
    "DELETE_GRANT": "for the page of the account",
    "DELETE_OAUTH_CLIENT": "for admins, rarely",
    "DELETE_WEBHOOK_ENDPOINT": "for admins, rarely",
    "EXECUTE_GRAPH_QL": "for libraries of GraphQL",
    "GET_JWKS": "for resource servers",
    "GET_OAUTH_CLIENT": "for admins, rarely",
    "GET_USERINFO": "for libraries of OpenID Connect",
    "GET_WEBHOOK_ENDPOINT": "for admins, rarely",
    "INTROSPECT_TOKEN": "for resource servers",
    "LIST_AUTHENTICATORS": "for the page of the account",
    "LIST_GRANTS": "for the page of the account",
    "LIST_OAUTH_CLIENTS": "for admins, rarely",
    "LIST_WEBHOOK_DELIVERIES": "for admins, rarely",
    "LIST_WEBHOOK_ENDPOINTS": "for admins, rarely",
    "SHOW_OPEN_API": "for tools",
    "UPDATE_OAUTH_CLIENT": "for admins, rarely",
    "UPDATE_WEBHOOK_ENDPOINT": "for admins, rarely",
}
ALL = {name: it for name, it in vars(operations).items() if isinstance(it, Operation)}


def test_each_operation_has_a_method_or_a_reason() -> None:
    sources = inspect.getsource(_async) + inspect.getsource(tokens)
    used = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(ast.parse(sources))
        if isinstance(node, ast.Attribute | ast.Name)
    }

    assert ALL.keys() - used == BY_REQUEST.keys()


def test_single_use_operations_exist() -> None:
    assert {it.id for it in ALL.values()} > _core.SINGLE_USE


def test_request_of_graphql_gets_no_key_and_no_retry() -> None:
    """Its key covers new orders and products, not a change of stock in the same document."""
    sent = _core.call(operations.EXECUTE_GRAPH_QL, body={}, headers={"Idempotency-Key": "k"})

    assert not sent.is_repeatable
    assert "Idempotency-Key" not in _core.call(operations.EXECUTE_GRAPH_QL, body={}).headers
    assert _core.call(operations.PLACE_ORDER, path={"userId": "me"}, body={}).is_repeatable


def test_names_of_bodies_are_those_of_the_api() -> None:
    found = [
        name
        for it in vars(bodies).values()
        if inspect.isclass(it) and it.__module__ == bodies.__name__
        for name in it.__annotations__
    ]

    assert len(found) > 50
    for name in found:
        camel = _core._camel(name)  # pyright: ignore[reportPrivateUsage]
        assert re.sub("[A-Z]", lambda upper: f"_{upper[0].lower()}", camel) == name
