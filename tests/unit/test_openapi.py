"""The OpenAPI document is generated from the handlers, complete, and bounded."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from pydantic import BaseModel

from shop.errors import BadRequest, ShopError
from shop.http.request_models import Body
from shop.orders.models import TRANSITIONS, OrderStatus
from shop.text import Name, Note
from tests.support.sam_template import functions
from tools.openapi.document import DOCUMENT, endpoints
from tools.openapi.errors import errors_of
from tools.openapi.models import DuplicateModelName, MissingExample, schemas_of

# The last characters of the example ids of users, products, orders and sessions.
IDS = ("a1", "b1", "c1", "e1")

type Part = Any  # Any: the document is JSON

# Preflights are automatic for browsers on every path, and pages are for people.
NOT_FOR_PROGRAMS = {"OPTIONS /{proxy+}", "GET /", "GET /docs", "GET /docs/{asset}"}


@pytest.fixture(scope="module")
def openapi() -> Part:
    return json.loads(DOCUMENT.read_text())


def operations(openapi: Part) -> Iterator[tuple[str, Part]]:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def parts(part: Part, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of the document except examples, with its location."""
    if isinstance(part, dict):
        yield at, part
        for name, inner in part.items():
            if name not in ("examples", "enum", "required") or at.endswith("/properties"):
                yield from parts(inner, f"{at}/{name}")
    elif isinstance(part, list):
        for index, inner in enumerate(part):
            yield from parts(inner, f"{at}/{index}")


def schemas(part: Part) -> Iterator[tuple[str, dict[str, Any]]]:
    for at, inner in parts(part):
        if isinstance(inner.get("type"), str | list) and "/securitySchemes" not in at:
            yield at, inner


def validator(openapi: Part, schema: Part) -> Draft202012Validator:
    return Draft202012Validator(
        {**schema, "components": {"schemas": openapi["components"]["schemas"]}},
        validate_formats=True,
    )


def test_document_has_exactly_the_routes_of_the_template(openapi: Part) -> None:
    routes = {function.route for function in functions() if function.route}

    assert {route for route, _ in operations(openapi)} == routes - NOT_FOR_PROGRAMS, (
        "give the function of template.yaml its handler, or the handler its function; then run: "
        "make generate"
    )


def test_public_routes_are_those_of_the_template(openapi: Part) -> None:
    public = {function.route for function in functions() if function.is_public}

    assert {route for route, it in operations(openapi) if it.get("security") == []} == (
        public - NOT_FOR_PROGRAMS
    )
    assert openapi["security"] == [{"accessToken": []}]


def test_operation_ids_are_the_function_names_and_unique(openapi: Part) -> None:
    names = {function.route: function.name for function in functions()}
    counted = Counter(operation["operationId"] for _, operation in operations(openapi))

    assert set(counted.values()) == {1}
    for route, operation in operations(openapi):
        name = names[route]
        assert operation["operationId"] == name[0].lower() + name[1:]


def test_every_schema_has_limits(openapi: Part) -> None:
    found = 0
    for at, schema in schemas(openapi):
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        found += 1
        if "string" in types:
            assert "maxLength" in schema or "enum" in schema or "const" in schema, at
        if {"integer", "number"} & set(types):
            assert {"minimum", "maximum", "format"} <= schema.keys(), at
        if "array" in types:
            assert "maxItems" in schema, at
    assert found > 100


def test_every_schema_uses_json_schema_keywords_only(openapi: Part) -> None:
    """pydantic writes `ge` if it cannot use `minimum`; validators ignore unknown keywords."""
    known = {
        *("type", "format", "description", "examples", "default", "enum", "const", "writeOnly"),
        *("minLength", "maxLength", "pattern", "minimum", "maximum", "minItems", "maxItems"),
        *("items", "properties", "required", "additionalProperties", "not"),
    }
    for at, schema in schemas(openapi):
        assert schema.keys() <= known, at


def test_request_bodies_reject_unknown_fields_and_responses_allow_them(openapi: Part) -> None:
    bodies = {it.body for it in endpoints().values() if it.body}
    nested = {"OrderLinePlace"}

    closed = {
        name
        for name, schema in openapi["components"]["schemas"].items()
        if schema.get("additionalProperties") is False
    }

    # GraphQL over HTTP requires to ignore unknown members.
    assert closed == {body.__name__ for body in bodies} - {"GraphQlRequest"} | nested


def test_response_fields_are_always_present(openapi: Part) -> None:
    sometimes = {
        (name, field)
        for name, schema in openapi["components"]["schemas"].items()
        if schema.get("additionalProperties") is not False
        for field in schema.get("properties", {}).keys() - set(schema.get("required", ()))
    }

    protocols = {
        "GraphQlRequest",
        "GraphQlResult",
        "Inspection",
        "Token",
        "TokenParameters",
        "TokenReference",
        "UserInfo",
    }
    assert {it for it in sometimes if it[0] not in protocols} == {("ErrorContent", "details")}


def test_every_example_is_valid_by_its_schema(openapi: Part) -> None:
    checked = 0
    for at, schema in schemas(openapi):
        check = validator(openapi, schema)
        for example in schema.get("examples", []):
            assert list(check.iter_errors(example)) == [], at
            checked += 1
    for at, media in parts(openapi):
        if "schema" not in media or not isinstance(media.get("examples"), dict):
            continue
        check = validator(openapi, media["schema"])
        for example in media["examples"].values():
            assert list(check.iter_errors(example["value"])) == [], at
            checked += 1
    assert checked > 200


def test_examples_have_ids_of_their_own_resource(openapi: Part) -> None:
    user, product, order, session = (f"0190a6b2-7c9e-7b1a-8f00-0000000000{it}" for it in IDS)
    expected = {
        "User": {"id": user, "name": "Ada Lovelace"},
        "Product": {"id": product, "name": "Pears, a kilogram"},
        "Session": {"id": session, "expiresAt": "2026-12-22T18:06:00.123Z"},
        "Order": {"id": order, "userId": user, "note": "Please ring twice."},
        "OrderLine": {"productId": product, "name": "Pears, a kilogram"},
        "OrderLinePlace": {"productId": product},
        "ProductCreate": {"name": "Pears, a kilogram"},
        "UserCreate": {"name": "Ada Lovelace"},
    }
    for name, fields in expected.items():
        (example,) = openapi["components"]["schemas"][name]["examples"]
        assert example.items() >= fields.items(), name

    ids = {"userId": user, "productId": product, "orderId": order, "sessionId": session}
    found = 0
    for route, operation in operations(openapi):
        for parameter in operation["parameters"]:
            if parameter.get("name") in ids:
                found += 1
                assert parameter["schema"]["examples"] == [ids[parameter["name"]]], route
    assert found > 10


def exchange(openapi: Part, route: str, status: str) -> tuple[Part, Part]:
    """Return the examples of the request and of its response."""
    method, path = route.split(" ")
    operation = openapi["paths"][path][method.lower()]
    requests = operation["requestBody"]["content"]["application/json"]["examples"]
    responses = operation["responses"][status]["content"]["application/json"]["examples"]
    return requests["example"]["value"], responses["example"]["value"]


def test_response_examples_have_the_values_of_their_requests(openapi: Part) -> None:
    compared = 0
    for route, operation in operations(openapi):
        is_form = route.startswith("POST /oauth/")
        if "requestBody" not in operation or is_form or route == "POST /api/access-tokens":
            continue
        status = min(operation["responses"])
        if "content" in operation["responses"][status]:
            request, response = exchange(openapi, route, status)
            # The `id` of a new passkey is that of the credential.
            others = {"items", "id"} if route == "POST /api/passkeys" else {"items"}
            for name in request.keys() & response.keys() - others:
                assert response[name] == request[name], (route, name)
                compared += 1
    assert compared > 10

    order, placed = exchange(openapi, "POST /api/users/{userId}/orders", "201")
    (line,), (priced,) = order["items"], placed["items"]
    assert priced.items() >= line.items()
    spent, renewed = exchange(openapi, "POST /api/access-tokens", "201")
    assert spent["refreshToken"] != renewed["refreshToken"]


def test_examples_match_their_route(openapi: Part) -> None:
    for method, status in (("PATCH", "200"), ("POST", "201")):
        suffix = "/{orderId}" if method == "PATCH" else ""
        request, response = exchange(
            openapi, f"{method} /api/users/{{userId}}/orders{suffix}", status
        )
        assert "status" not in request or request["status"] in TRANSITIONS[OrderStatus.PENDING]
        total = sum(Decimal(it["unitPrice"]) * it["quantity"] for it in response["items"])
        assert Decimal(response["total"]) == total
    changed = exchange(openapi, "PATCH /api/users/{userId}/orders/{orderId}", "200")
    assert (changed[0], changed[1]["status"]) == ({"status": "cancelled"}, "cancelled")

    _, signed_up = exchange(openapi, "POST /api/users", "201")
    _, renamed = exchange(openapi, "PATCH /api/users/{userId}", "200")
    assert (signed_up["emailVerified"], renamed["emailVerified"]) == (False, True)
    assert signed_up["updatedAt"] == signed_up["createdAt"] < renamed["updatedAt"]


def test_links_are_examples_of_their_own_route(openapi: Part) -> None:
    def example(route: str, status: str, header: str) -> str:
        method, path = route.split(" ")
        response = openapi["paths"][path][method]["responses"][status]
        (text,) = response["headers"][header]["schema"]["examples"]
        return str(text)

    user, _, order, _ = (f"0190a6b2-7c9e-7b1a-8f00-0000000000{it}" for it in IDS)
    orders = f"/api/users/{user}/orders"

    assert example("get /api/users", "200", "Link") == '</api/users>; rel="first"'
    assert example("get /api/users/{userId}/orders", "200", "Link") == f'<{orders}>; rel="first"'
    assert example("post /api/users", "201", "Location") == f"/api/users/{user}"
    assert example("post /api/users/{userId}/orders", "201", "Location") == f"{orders}/{order}"


def test_statuses_are_described_by_their_phrase(openapi: Part) -> None:
    for route, operation in operations(openapi):
        for status, response in operation["responses"].items():
            if int(status) < 400:
                assert response["description"] == HTTPStatus(int(status)).phrase, route


def test_validation_errors_are_examples_of_their_operation(openapi: Part) -> None:
    for route, operation in operations(openapi):
        if operation.get("x-ignores-query"):
            assert "422" not in operation["responses"], route
            continue
        response = operation["responses"]["422"]
        if "$ref" in response:
            response = openapi["components"]["responses"][response["$ref"].rpartition("/")[2]]
        example = response["content"]["application/json"]["examples"]["VALIDATION_ERROR"]["value"]
        (detail,) = example["error"]["details"]
        place = "body" if "requestBody" in operation else "query"
        assert detail["field"].partition(".")[0] == place, route


def test_every_model_has_an_example(openapi: Part) -> None:
    for name, schema in openapi["components"]["schemas"].items():
        assert schema["examples"], f"give the fields of {name} examples, then run: make generate"


def test_every_parameter_header_and_body_has_an_example(openapi: Part) -> None:
    def resolved(part: Part) -> Part:
        if "$ref" not in part:
            return part
        kind, name = part["$ref"].split("/")[-2:]
        return openapi["components"][kind][name]

    for route, operation in operations(openapi):
        messages = [
            operation.get("requestBody", {}),
            *map(resolved, operation["responses"].values()),
        ]
        headers = [header for it in messages for header in it.get("headers", {}).values()]
        for value in map(resolved, [*operation["parameters"], *headers]):
            assert resolved(value["schema"]).get("examples"), (route, value)
        for message in messages:
            for body in message.get("content", {}).values():
                assert body.get("examples"), (route, body)


@pytest.mark.parametrize("name", sorted(endpoints()))
def test_body_examples_are_accepted_by_the_models(name: str, openapi: Part) -> None:
    endpoint = endpoints()[name]
    if endpoint.body is None:
        return
    operation = openapi["paths"][endpoint.path][endpoint.method.lower()]

    for media in operation["requestBody"]["content"].values():
        for example in media["examples"].values():
            endpoint.body.model_validate_json(json.dumps(example["value"]))


def test_every_error_is_an_example_under_its_status(openapi: Part) -> None:
    routes = dict(operations(openapi))
    shared = openapi["components"]["responses"]

    def codes(response: Part) -> set[str]:
        if "$ref" in response:
            response = shared[response["$ref"].rpartition("/")[2]]
        return set(response["content"]["application/json"]["examples"])

    for endpoint in endpoints().values():
        assert endpoint.route in routes, "run: make generate"
        responses = routes[endpoint.route]["responses"]
        found = {
            (int(status), code)
            for status, response in responses.items()
            if int(status) >= 400
            for code in codes(response)
        }
        expected = {(error.status, error.code) for error in errors_of(endpoint)}
        if endpoint.form is not None:
            expected -= {(BadRequest.status, BadRequest.code)}
            codes_of_grants = ("invalid_grant", "unauthorized_client", "unsupported_grant_type")
            expected |= {(400, it) for it in (*codes_of_grants, "invalid_request", "invalid_scope")}
            expected |= {(401, "invalid_client")}
        if endpoint.route == "POST /graphql":
            expected |= {(400, "GRAPHQL_PARSE_FAILED"), (422, "GRAPHQL_VALIDATION_FAILED")}
        assert found == expected, "run: make generate"


def test_every_code_has_one_status_and_one_class() -> None:
    errors = ShopError.__subclasses__()

    assert len({error.code for error in errors}) == len(errors)


def test_models_with_equal_names_are_rejected() -> None:
    def made(field: type) -> type[BaseModel]:
        space: dict[str, Any] = {"__annotations__": {"it": field}, "__module__": str(field)}
        return type("Thing", (Body,), space)

    with pytest.raises(DuplicateModelName):
        schemas_of([made(int), made(str)], [])


def test_field_without_an_example_is_rejected_with_the_remedy() -> None:
    class Parcel(Body):
        weight: int

    with pytest.raises(MissingExample, match="a field of Parcel has no example: add JsonSchema"):
        schemas_of([Parcel], [])


TEXTS = [
    *(
        "",
        " ",
        "Ada",
        " Ada ",
        "\tAda\n",
        "A",
        " A ",
        "a\nb",
        "a\tb",
        "a\rb",
        "a\0b",
        "a\x1fb",
        "\x1f",
    ),
    *(
        "x" * 100,
        "x" * 101,
        " " + "x" * 100,
        " " * 50 + "x" * 100 + " " * 50,
        " " * 101 + "x" * 100,
    ),
    *(
        "\u2028Ada\u2029",
        "a\u2028b",
        "\u202egnp",
        " \u2068 Ada \u2069 ",
        "\u202aAda\u202c",
        "\u202aAda\u2069",
        "\u2068Ada",
        "\u2068\u2069",
        "\u2068" + "x" * 100 + "\u2069",
        "a\u2066b",
        "\u3000Ada\xa0",
        "\x85Ada",
        "👩‍🚀",
        "é",
    ),
    *(
        "\x0bAda\x0c",
        "x" * 500,
        "x" * 501,
        " " * 501 + "x" * 500,
        "a\n\nb",
        "x\n",
        "a\u180e",
        "a\ufeff",
    ),
]


@pytest.mark.parametrize("text", TEXTS, ids=[repr(text)[:20] for text in TEXTS])
@pytest.mark.parametrize("kind", [Name, Note], ids=["name", "note"])
def test_text_pattern_accepts_the_values_of_the_model(kind: Any, text: str) -> None:
    from pydantic import TypeAdapter, ValidationError

    adapter: TypeAdapter[str] = TypeAdapter(kind)
    schema = adapter.json_schema()

    try:
        adapter.validate_python(text)
        taken = True
    except ValidationError:
        taken = False

    assert Draft202012Validator(schema).is_valid(text) is taken
