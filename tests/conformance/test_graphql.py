"""GraphQL documents that schemathesis generates from the schema, on the deployed stack."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from tests.support.deployed_shop import DeployedShop, Person
from tests.support.sam_template import ROOT

EXAMPLES = 12  # of each root field, for a customer and for an admin
# Codes of REST's rules: no internal error, and no refusal by a token.
OF_FIELDS = {"BAD_REQUEST", "FORBIDDEN", "TOO_MANY_REQUESTS", "VALIDATION_ERROR"}
OF_LIMITS = ("The operation ", "The document ", "Syntax Error: Document contains more than")

schemathesis.graphql.scalar("Decimal", st.from_regex(r"\A[0-9]{1,3}\.[0-9]{2}\Z").map(nodes.String))
schemathesis.graphql.scalar("DateTime", st.just(nodes.String("2026-11-22T18:06:00.123Z")))
SCHEMA = schemathesis.graphql.from_path(ROOT / "docs/schema.graphql")
# Any: a result is an operation, or an error of the schema.
RESULTS: list[Any] = [*SCHEMA.get_all_operations()]
OPERATIONS = {it.ok().label: it.ok() for it in RESULTS}


@pytest.fixture(scope="module")
def people(shop: DeployedShop) -> Iterator[list[Person]]:
    """A customer, and an admin who may lose the role."""
    admin = shop.sign_up()
    path = f"/api/users/{admin.id}"
    assert shop.admin.http.patch(path, json={"role": "admin"}).status_code == 200
    yield [shop.sign_up(), shop.log_in(admin.email)]
    assert shop.admin.http.patch(path, json={"role": "customer"}).status_code == 200


@pytest.mark.parametrize("field", OPERATIONS)
def test_every_document_is_answered(people: list[Person], field: str) -> None:
    executed = 0

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(case=OPERATIONS[field].as_strategy())
    def answer(case: Any) -> None:
        nonlocal executed
        for person in people:
            response = person.http.post("/graphql", json={"query": case.body})
            body = response.json()
            errors = body.get("errors", [])
            if response.status_code == 200:
                executed += 1
                assert {it["extensions"]["code"] for it in errors} <= OF_FIELDS, errors
            else:
                assert response.status_code in (400, 422), response.text
                assert errors, body
                assert all(it["message"].startswith(OF_LIMITS) for it in errors), errors

    answer()

    assert executed > EXAMPLES / 2
