"""Limits of GraphQL documents: nothing beyond them is executed, and checking them is cheap."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, get_operation_ast, parse

from shop.graphql.errors import InvalidDocument
from shop.graphql.execution import valid_document
from shop.graphql.graph import SCHEMA
from shop.graphql.limits import MAX_COST, check_size, cost_of
from tests.support.cpu_time import measured
from tests.support.fixtures import ALICE
from tests.support.graphql_calls import call

MAX_SECONDS = 0.25  # of CPU time, for the worst document within the limits of its size
CHAIN = "fragment F0 on Order { id user { id } } " + " ".join(
    f"fragment F{n} on Order {{ ...F{n - 1} ... F{n - 1} }}" for n in range(1, 60)
)


def cost(text: str, **variables: Any) -> int:
    document = valid_document(text)
    operation = get_operation_ast(document) or document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return cost_of(SCHEMA, document, operation, variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ me { id name } }", 1),
        ("{ me { orders { nodes { id } } } }", 1 + 10 + 20),
        # Asking in edges costs as much as asking in nodes.
        ("{ me { orders { edges { cursor node { id } } pageInfo { endCursor } } } }", 1 + 10 + 20),
        ("{ orders { nodes { items { product { id } } } } }", 430),
        # A page is read for its count, too.
        ("{ orders { totalCount } }", 10 + 20),
        ("{ me { a: name b: name c: __typename } }", 1 + 3),
        ("query($n: Int!) { products(first: $n) { nodes { id } } }", 10 + 5),
        ("query($n: Int! = 7) { products(first: $n) { nodes { id } } }", 10 + 5),
        ('{ a: product(id: "x") { id } b: product(id: "y") { id } }', 2),
        ("{ ...Q } fragment Q on Query { me { ... on User { orders { nodes { id } } } } }", 31),
    ],
)
def test_cost_bounds_the_objects_of_a_response(text: str, expected: int) -> None:
    assert cost(text, n=5) == expected


def test_cost_multiplies_nested_lists() -> None:
    text = "{ users(first: 100) { nodes { orders(first: 100) { nodes { id } } } } }"

    with pytest.raises(InvalidDocument) as raised:
        cost(text)

    assert raised.value.errors[0].message.startswith(
        f"The operation costs 11110, more than {MAX_COST}"
    )


def test_fragments_that_double_each_other_are_measured_once_each() -> None:
    document = parse("{ orders(first: 1) { nodes { ...F59 } } } " + CHAIN)
    operation = get_operation_ast(document)
    assert operation is not None

    def reject() -> None:
        with pytest.raises(InvalidDocument):
            cost_of(SCHEMA, document, operation, {})

    _, seconds = measured(reject)
    assert seconds < MAX_SECONDS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ " + "me { id } " * 151 + "}", "The document has more than 300 fields."),
        ("{ " + "...F " * 301 + "} fragment F on Query { me { id } }", "more than 300 fields"),
        ("{ me " * 31 + "}" * 31, "The document is nested deeper than 30 levels."),
        (
            "{ me { " + "orders(first: 1) { nodes { user { " * 4 + "id" + " } } }" * 4 + " } }",
            "deeper than 12 levels",
        ),
        (
            "{ " + " ".join(f'a{n}: product(id: "x") {{ id }}' for n in range(51)) + " }",
            "more than 50 aliases",
        ),
        (
            "{ " + " ".join(["...F"] * 6) + " } fragment F on Query { "
            + " ".join(f'a{n}: product(id: "x") {{ id }}' for n in range(10)) + " }",
            "more than 50 aliases",
        ),
        (
            "{ a: __schema { types { name } } b: __schema { types { name } } "
            "c: __schema { types { name } } d: __schema { types { name } } "
            "e: __schema { types { name } } }",
            "The operation costs 2500",
        ),
        ("{ __schema { types { " + "a: name b: name c: name d: name " + "} } }", "costs 2500"),
        (
            "{ me { orders(first: 100) { nodes { "
            + " ".join(f"n{n}: note" for n in range(50))
            + " } } } }",
            "costs 5111",
        ),
        ("{ users(first: 100) { nodes { orders(first: 100) { totalCount } } } }", "costs 11110"),
    ],
)  # fmt: skip
def test_document_beyond_a_limit_is_rejected_before_execution(text: str, message: str) -> None:
    outcome = call(text, ALICE)

    assert (outcome.status, outcome.codes) == (422, ["GRAPHQL_VALIDATION_FAILED"])
    assert message in outcome.body["errors"][0]["message"]


def test_document_of_too_many_tokens_is_not_parsed() -> None:
    outcome = call("{ " + "id " * 1000 + "}", ALICE)

    assert (outcome.status, outcome.codes) == (400, ["GRAPHQL_PARSE_FAILED"])
    assert "1000 tokens" in outcome.body["errors"][0]["message"]


@pytest.mark.parametrize(
    "text",
    [
        "mutation { a: deleteProduct(input: {id: 1}) { deletedId } "
        "b: deleteProduct(input: {id: 2}) { deletedId } }",
        "mutation { ...A ...A2 } fragment A on Mutation { deleteProduct(input: {id: 1}) "
        "{ deletedId } } "
        "fragment A2 on Mutation { b: deleteProduct(input: {id: 2}) { deletedId } }",
        "mutation { ... on Mutation { a: deleteProduct(input: {id: 1}) { deletedId } } "
        "... { b: deleteProduct(input: {id: 2}) { deletedId } } }",
        "mutation { __typename }",
    ],
)
def test_request_has_one_mutation_after_fragments_are_expanded(text: str) -> None:
    outcome = call(text, ALICE)

    assert (outcome.status, outcome.body["errors"][0]["message"]) == (
        422,
        "An operation has one mutation.",
    )


def test_introspection_of_common_tools_is_within_the_limits() -> None:
    text = get_introspection_query(specified_by_url=True, input_value_deprecation=True)

    assert cost(text) == 500
    assert call(text, ALICE).data["__schema"]["queryType"]["name"] == "Query"


def test_introspection_that_nests_its_lists_is_rejected() -> None:
    inner = "fields { type { " * 3 + "name" + " } }" * 3
    outcome = call(f"{{ __schema {{ types {{ {inner} }} }} }}", ALICE)

    assert (outcome.status, outcome.codes) == (422, ["GRAPHQL_VALIDATION_FAILED"])


def costly() -> Iterator[tuple[str, str]]:
    """Yield documents that are as large as the limits permit."""
    yield "equal fields", "{ " + "me { id } " * 149 + "}"
    yield "unknown fields", "{ " + " ".join(f"f{n}" for n in range(299)) + " }"
    yield "lists in lists", "{ product(id: " + "[" * 490 + "]" * 490 + ") { id } }"
    yield "objects", "{ product(id: " + "{a: " * 240 + "1" + "}" * 240 + ") { id } }"
    yield "brackets", "{" * 999
    yield "variables", "query(" + " ".join(f"$v{n}: Int" for n in range(240)) + ") { me { id } }"
    yield (
        "operations",
        " ".join(f"query q{n} {{ ...F }}" for n in range(120))
        + (" fragment F on Query { me { id } }"),
    )
    yield (
        "chain",
        "{ ...F149 } fragment F0 on Query { me { id } } "
        + " ".join(f"fragment F{n} on Query {{ ...F{n - 1} }}" for n in range(1, 150)),
    )
    yield (
        "cycle",
        "{ ...F0 } "
        + " ".join(
            f"fragment F{n} on Query {{ ...F{(n + 1) % 99} ...F{(n + 2) % 99} }}" for n in range(99)
        ),
    )
    yield (
        "spreads",
        "{ "
        + " ".join(f"...F{n}" for n in range(99))
        + " } "
        + " ".join(f"fragment F{n} on Query {{ a: me {{ id }} }}" for n in range(99)),
    )
    yield "arguments", "{ me { orders(" + "first: 1 " * 300 + ") { totalCount } } }"
    yield "directives", "{ me " + "@skip(if: true) " * 160 + "{ id } }"
    yield "long text", '{ product(id: "' + "x" * 19_000 + '") { id } }'
    yield "block string", '{ product(id: """' + "\\n " * 6_000 + '""") { id } }'
    yield "comments", "#" + "x\n#" * 6_000 + "\n{ me { id } }"


@pytest.mark.parametrize(("name", "text"), [*costly()], ids=[name for name, _ in costly()])
def test_checks_of_any_document_cost_little_cpu_time(name: str, text: str) -> None:
    cost("{ me { id } }")
    valid_document.cache_clear()

    def check() -> None:
        try:
            cost(text)
        except InvalidDocument as invalid:
            assert len(invalid.errors) <= 5

    _, seconds = measured(check)
    assert seconds < MAX_SECONDS


def test_size_is_checked_before_validation() -> None:
    with pytest.raises(InvalidDocument):
        check_size(parse("{ " + "nothing " * 301 + "}"))
