"""The attacks of graphql-cop (https://github.com/dolevf/graphql-cop), with a valid token."""

from typing import Any

import httpx2
import pytest
from graphql import get_introspection_query

from tests.support.deployed_shop import DeployedShop, Person, error_of

INVALID = "GRAPHQL_VALIDATION_FAILED"


@pytest.fixture(scope="module")
def person(shop: DeployedShop) -> Person:
    return shop.sign_up()


def codes_of(response: httpx2.Response) -> tuple[int, Any]:
    body = response.json()
    return response.status_code, body["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize(
    ("attack", "query", "expected"),
    [
        (
            "alias overloading",
            "{ " + " ".join(f"alias{n}: __typename" for n in range(101)) + " }",
            (422, INVALID),
        ),
        ("directive overloading", "{ __typename " + "@aa" * 10 + " }", (422, INVALID)),
        ("field duplication", "{ " + "__typename " * 500 + "}", (422, INVALID)),
        (
            "circular introspection",
            "{ __schema { types { " + "fields { type { " * 4 + "name" + " } }" * 4 + " } } }",
            (422, INVALID),
        ),
        ("deep query", "{ me " + "{ orders { nodes { user " * 20 + "{ id }" + " } } }" * 20 + " }",
         (422, INVALID)),
    ],
)  # fmt: skip
def test_denial_of_service_is_rejected(
    person: Person, attack: str, query: str, expected: tuple[int, str]
) -> None:
    assert codes_of(person.http.post("/graphql", json={"query": query})) == expected, attack


def test_batches_are_rejected(person: Person) -> None:
    response = person.http.post("/graphql", json=[{"query": "{ __typename }"}] * 10)

    assert error_of(response) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize("field", ["usr", "productt", "__schem"])
def test_suggestions_are_hidden(person: Person, field: str) -> None:
    response = person.http.post("/graphql", json={"query": f"{{ {field} }}"})

    assert codes_of(response) == (422, INVALID)
    assert "did you mean" not in response.text.lower()


def test_other_sites_send_no_request_of_a_form(person: Person) -> None:
    get = person.http.get("/graphql", params={"query": "{ __typename }"})
    mutation = person.http.get("/graphql", params={"query": "mutation { __typename }"})
    form = person.http.post("/graphql", data={"query": "{ __typename }"})
    plain = person.http.post(
        "/graphql", content=b'{"query": "{ __typename }"}', headers={"Content-Type": "text/plain"}
    )

    assert (get.status_code, mutation.status_code) == (404, 404)
    assert (form.status_code, plain.status_code) == (415, 415)


def test_page_and_traces_are_not_offered(person: Person) -> None:
    page = person.http.get("/graphql", headers={"Accept": "text/html"})
    traced = person.http.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"X-Apollo-Tracing": "1"}
    )

    assert page.status_code == 404
    assert traced.json() == {"data": {"__typename": "Query"}}


def test_introspection_needs_a_token(shop: DeployedShop, person: Person) -> None:
    query = {"query": get_introspection_query()}

    assert error_of(shop.anonymous.post("/graphql", json=query)) == (401, "UNAUTHORIZED")
    assert person.http.post("/graphql", json=query).status_code == 200


def test_errors_quote_no_value_of_a_variable(person: Person) -> None:
    query = (
        "query($id: ID!, $n: Int!) { product(id: $id) { id } products(first: $n) { totalCount } }"
    )
    variables = {"id": {"secret": "hunter2"}, "n": "hunter2"}

    response = person.http.post("/graphql", json={"query": query, "variables": variables})

    assert codes_of(response) == (422, INVALID)
    assert "hunter2" not in response.text
