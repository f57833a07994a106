"""Ownership: on every route, a token of one user neither reads nor changes items of another."""

import json
from collections.abc import Iterator, Mapping
from typing import Any  # Any: JSON

import pytest

from tests.support.deployed_shop import Person, Shop, error_of
from tools.openapi.document import DOCUMENT

OWNED = ("{userId}", "{orderId}", "{sessionId}")


def _routes() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in json.loads(DOCUMENT.read_text())["paths"].items():
        for method, operation in methods.items():
            if any(name in path for name in OWNED):
                yield method.upper(), path, operation


ROUTES = list(_routes())


@pytest.fixture(scope="module")
def ada(shop: Shop) -> Person:
    return shop.sign_up()


@pytest.fixture(scope="module")
def grace(shop: Shop) -> Person:
    return shop.sign_up(name="Grace Hopper")


@pytest.fixture(scope="module")
def order(shop: Shop, ada: Person) -> str:
    placed = ada.order((shop.product()["id"], 1), note="for nobody else")
    order: str = placed.json()["id"]
    return order


def test_routes_with_owned_resources_exist() -> None:
    assert {method for method, *_ in ROUTES} == {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize(
    ("method", "path", "operation"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES]
)
def test_resource_of_another_user_is_neither_read_nor_changed(
    shop: Shop,
    ada: Person,
    grace: Person,
    order: str,
    method: str,
    path: str,
    operation: Mapping[str, Any],
) -> None:
    session = ada.grant["session"]["id"]
    target = path.format(userId=ada.id, orderId=order, sessionId=session)
    body = _example(operation)
    before = shop.everything_but_attempts()

    response = grace.http.request(method, target, json=body)

    assert error_of(response) in [(403, "FORBIDDEN"), (404, "NOT_FOUND")]
    assert shop.everything_but_attempts() == before
    for secret in (ada.email, "Ada Lovelace", "for nobody else"):
        assert secret not in response.text


def test_order_below_another_user_is_not_found(grace: Person, order: str) -> None:
    for method in ("GET", "PATCH"):
        response = grace.http.request(
            method,
            f"/api/users/me/orders/{order}",
            json={"status": "cancelled"} if method == "PATCH" else None,
        )

        assert error_of(response) == (404, "NOT_FOUND")


def _example(operation: Mapping[str, Any]) -> object:
    content = operation.get("requestBody", {}).get("content", {})
    examples = content.get("application/json", {}).get("examples", {})
    return next((example["value"] for example in examples.values()), None)
