"""GraphQL in the document: examples of requests, and responses in two media types."""

from collections.abc import Mapping
from typing import Any  # JSON values

from shop.graphql.errors import PARSE_FAILED, VALIDATION_FAILED
from shop.graphql.responses import GRAPHQL_JSON, GraphQlErrors
from tools.openapi.errors import shared_responses

ROUTE = "POST /graphql"

type Part = dict[str, Any]

_PRODUCT = "0190a6b2-7c9e-7b1a-8f00-0000000000b1"
# Those of the documentation page; the first one is in the sample event of the function.
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "example": {
        "summary": "Read your orders with their products",
        "value": {
            "query": (
                "query Orders($first: Int!) { me { name orders(first: $first) { totalCount nodes"
                " { id status total items { quantity product { name price } } }"
                " pageInfo { hasNextPage endCursor } } } }"
            ),
            "variables": {"first": 10},
        },
    },
    "products": {
        "summary": "List products by price",
        "value": {
            "query": "{ products(sort: PRICE_ASC) { nodes { id name price currency stock } } }",
        },
    },
    "order": {
        "summary": "Place an order",
        "value": {
            "query": (
                "mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input)"
                " { order { id etag status total } userErrors { code message field } } }"
            ),
            "variables": {"input": {"items": [{"productId": _PRODUCT, "quantity": 1}]}},
        },
    },
}


def describe(operation: Part) -> None:
    """Add examples, the media type of GraphQL, and the errors of documents."""
    content = operation["requestBody"]["content"]["application/json"]
    content["examples"] = dict(EXAMPLES)
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    operation["parameters"] = [*operation.get("parameters", []), key]
    responses = operation["responses"]
    success = responses["200"]["content"]
    success[GRAPHQL_JSON] = success["application/json"]
    for status, code in (("400", PARSE_FAILED), ("422", VALIDATION_FAILED)):
        responses[status] = _with_errors(responses[status], code)


def _with_errors(response: Part, code: str) -> Part:
    """Return a response with the API's error, or errors of a document."""
    if "$ref" in response:
        response = shared_responses()[response["$ref"].rpartition("/")[2]]
    example = GraphQlErrors.body_schema["examples"][0]
    (error,) = example["errors"]
    extensions = {**error["extensions"], "code": code}
    errors = {code: {"value": {"errors": [{**error, "extensions": extensions}]}}}
    of_api = response["content"]["application/json"]
    schema = {"$ref": "#/components/schemas/GraphQlErrors"}
    return {
        **response,
        "content": {
            "application/json": {
                "schema": {"anyOf": [of_api["schema"], schema]},
                "examples": {**of_api["examples"], **errors},
            },
            GRAPHQL_JSON: {"schema": schema, "examples": errors},
        },
    }
