"""The OpenAPI document, generated from the handlers."""

import importlib
import json
import tomllib
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any  # the document is JSON

from pydantic.alias_generators import to_camel

from shop.entrypoints.http import Endpoint
from shop.graphql.responses import GraphQlErrors
from shop.http.form import MEDIA_TYPE
from shop.http.parameters import PathName, PathParameter, PathToken
from shop.http.response_models import Resource
from shop.idempotency import IdempotentRequest
from shop.preconditions import Precondition
from shop.webhooks.parameters import PathVersion
from tools.openapi.errors import error_schemas, errors_of, responses, shared_responses
from tools.openapi.examples import id_of, path_of, response_example
from tools.openapi.graphql import ROUTE as GRAPHQL
from tools.openapi.graphql import describe
from tools.openapi.headers import headers, link, shared_headers, shared_parameters
from tools.openapi.models import (
    COMPONENTS,
    component_name,
    example_of,
    form_schema,
    schemas_of,
)
from tools.openapi.oauth import (
    AUTHORIZATION_PAGE,
    FORM_EXAMPLES,
    OAUTH_ERROR,
    form_errors,
    page_responses,
    query_parameters,
    security_of,
    security_scheme,
)

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = ROOT / "docs/openapi.json"

# In the order of the documentation page: first what every client needs
_TAGS = {
    "sessions": "Login, logout and access tokens.",
    "users": "Accounts: sign-up, reads, changes and deletion.",
    "products": "The product catalogue.",
    "orders": "Placing and managing orders.",
    "recovery": "Email verification and password reset.",
    "oauth": "OAuth 2.0 for third-party applications, and the keys that verify access tokens.",
    "authenticators": "Second factors of log-ins, passkeys and recovery codes.",
    "webhooks": "Endpoints that receive events, and the deliveries to them.",
    "graphql": "The same resources by GraphQL.",
    "operations": "Health checks and this document.",
}
# Folders and handlers with another tag: generated clients name their classes by tags.
_TAG_OF = {"system": "operations", "sessions/get_jwks": "oauth"}
_DESCRIPTION = """\
Users, products and orders of a shop. Customers sign up, log in and place orders; administrators
manage all of them.

## Introduction

* Bodies are JSON with camelCase names. Unknown fields and query parameters are rejected.
* Responses may get new fields: ignore unknown ones.
* Ids are UUIDs that sort by time, accepted in upper and lower case and returned in lower case.
  `me` stands for the id of the caller.
* Times are RFC 3339 in UTC with milliseconds. Money is a decimal string with two places.
* Lists return pages. Pass `meta.nextCursor` as `cursor` to get the next page.
* Creating an order or a product takes an `Idempotency-Key`: a retry with the same key returns the
  first response, and creates nothing twice.
* Pages and probes (`/recovery`, `/health`, `/ready`, this document) also respond to HEAD, and
  ignore query parameters. `/.well-known/jwks.json` responds to HEAD too.

## Authentication

`POST /api/users` signs up, and `POST /api/sessions` logs in. Send the returned `accessToken` as
`Authorization: Bearer <accessToken>`. It is valid for 15 minutes; `POST /api/access-tokens`
exchanges the `refreshToken` for the next pair. Third-party applications use OAuth 2.0 with PKCE.

## Errors

Every error has the schema `Error`. Programs should check its `code`: messages are for people, and
may change. `details` names the invalid fields, and `requestId` finds the request in the logs. Retry
after a 429 or a 503 as `Retry-After` says.
"""

# Pages for people, and the assets that they load: not part of the API.
PAGES = {"GET /", "GET /docs", "GET /docs/{asset}"}

_EXAMPLE_PAGE = "<!doctype html>\n<title>Your account</title>\n"

type Part = dict[str, Any]


def all_endpoints() -> dict[str, Endpoint]:
    """Return the endpoints by the handler's file, such as `users/create_user`."""
    found = {}
    for path in sorted(ROOT.glob("functions/*/*.py")):
        module = importlib.import_module(f"functions.{path.parent.name}.{path.stem}")
        if isinstance(module.handler, Endpoint):
            found[f"{path.parent.name}/{path.stem}"] = module.handler
    return found


def endpoints() -> dict[str, Endpoint]:
    """Return the endpoints that are no pages for people, by the handler's file."""
    return {name: it for name, it in all_endpoints().items() if it.route not in PAGES}


def document() -> Part:
    handlers = endpoints()
    queries = {handler.query for handler in handlers.values() if handler.query}
    bodies = {handler.body for handler in handlers.values() if handler.body}
    response_models = {
        handler.response_model
        for handler in handlers.values()
        if handler.response_model and handler.response_model.media_type == "application/json"
    }
    schemas = (
        schemas_of(queries | bodies, response_models | {GraphQlErrors})
        | error_schemas()
        | OAUTH_ERROR
    )
    forms = {
        handler.form.model.__name__: handler.form for handler in handlers.values() if handler.form
    }
    schemas |= {name: form_schema(form) for name, form in forms.items()}
    paths: Part = {}
    for name, handler in handlers.items():
        path = paths.setdefault(handler.path, {})
        path[handler.method.lower()] = _operation(name, handler, schemas)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Shop",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [
            {
                "url": "/",
                "description": "The server of this document: local, staging or production",
                "x-internal": False,
            }
        ],
        "security": [{"accessToken": []}],
        "tags": [{"name": name, "description": result} for name, result in _TAGS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": (
                        "The `accessToken` of a session: a JWT of RFC 9068, issued and verified "
                        "according to RFC8725, sent according to RFC 6750"
                    ),
                },
                "oauth2": security_scheme(),
            },
            "headers": shared_headers(),
            "parameters": shared_parameters(),
            "responses": _used(shared_responses(), paths),
            "schemas": {
                name: schema
                for name, schema in schemas.items()
                if name not in {query.__name__ for query in queries}
            },
        },
    }


def text_of(document: Part) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _operation(name: str, handler: Endpoint, schemas: Part) -> Part:
    folder, _, verb_and_noun = name.partition("/")
    description = handler.function.__doc__
    if description is None:
        raise ValueError(f"{name} has no docstring")
    access = "" if handler.access is None else f" {handler.access.description}"
    operation: Part = {
        "operationId": to_camel(verb_and_noun),
        "tags": [_TAG_OF.get(name) or _TAG_OF.get(folder, folder)],
        "summary": description.partition(";")[0].rstrip("."),
        "description": description + access,
        "parameters": _parameters(handler, schemas),
        "responses": {
            **_success(handler, schemas),
            **responses(errors_of(handler), has_body=handler.body is not None),
        },
    }
    if handler.body is not None:
        content = {
            "schema": {"$ref": COMPONENTS + handler.body.__name__},
            "examples": {"example": {"value": example_of(schemas[handler.body.__name__], schemas)}},
        }
        types = ["application/json"]
        if handler.method == "PATCH":
            types.insert(0, "application/merge-patch+json")
        operation["requestBody"] = {"required": True, "content": dict.fromkeys(types, content)}
    if handler.form is not None:
        form = handler.form.model.__name__
        examples = {name: {"value": dict(it)} for name, it in FORM_EXAMPLES[form].items()}
        content = {"schema": {"$ref": COMPONENTS + form}, "examples": examples}
        operation["requestBody"] = {"required": True, "content": {MEDIA_TYPE: content}}
        operation["responses"] |= form_errors()
    if handler.route == AUTHORIZATION_PAGE:
        operation["parameters"] += query_parameters()
        operation["responses"] |= page_responses()
    if handler.route == GRAPHQL:
        describe(operation)
    if not handler.needs_caller:
        operation["security"] = []
    elif handler.scope or handler.admin_scope or handler.is_open_to_apps:
        operation["security"] = security_of(handler)
    if handler.ignores_query:
        operation["x-ignores-query"] = True
    return operation


def _parameters(handler: Endpoint, schemas: Part) -> list[Part]:
    found = []
    for name, annotation in handler.parameters.items():
        for marker in getattr(annotation, "__metadata__", ()):
            if isinstance(marker, PathParameter):
                found.append(_path_parameter(to_camel(name), marker))
    if handler.query is not None:
        found += [
            _query_parameter(name, schema)
            for name, schema in schemas[handler.query.__name__]["properties"].items()
        ]
    header_parameters = {IdempotentRequest: "IdempotencyKey", Precondition: "IfMatch"}
    names = [
        name for type_, name in header_parameters.items() if type_ in handler.parameters.values()
    ]
    if _supports_not_modified(handler):
        names.append("IfNoneMatch")
    return found + [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _path_parameter(name: str, marker: PathParameter) -> Part:
    match marker:
        case PathToken():
            example = "x" * marker.max_length
        case PathName():
            example = min(marker.names)
        case PathVersion():
            example = "1"
        case _:
            example = id_of(name)
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": marker.description,
        "schema": {
            "type": "string",
            "pattern": marker.pattern,
            "maxLength": marker.max_length,
            "examples": [example],
        },
    }


def _query_parameter(name: str, schema: Part) -> Part:
    """Describe a parameter without null: handlers get None if it is absent from the query."""
    match schema:
        case {"anyOf": [only, {"type": "null"}], **rest}:
            schema = {**only, **rest}
        case {"type": [only, "null"], **rest}:
            schema = {**rest, "type": only}
    description = schema.get("description")
    schema = {word: inner for word, inner in schema.items() if word != "description"}
    result = {"name": name, "in": "query", "required": False, "schema": schema}
    return result if description is None else {**result, "description": description}


def _success(handler: Endpoint, schemas: Part) -> Part:
    common = headers("X-Request-Id", "Cache-Control", "Access-Control-Allow-Origin")
    if handler.response_model is None:
        return {"204": {"description": HTTPStatus(204).phrase, "headers": common}}
    names = list(handler.response_model.sends)
    if handler.method == "POST" and issubclass(handler.response_model, Resource):
        names.append("Location")
    if IdempotentRequest in handler.parameters.values():
        names.append("Idempotent-Replayed")
    media = handler.response_model.media_type.partition(";")[0]
    if media == "application/json":
        name = component_name(handler.response_model)
        content = {
            "schema": {"$ref": COMPONENTS + name},
            "examples": {"example": {"value": _response_example(handler, schemas)}},
        }
    else:
        content = {
            "schema": {"type": "string", "maxLength": 100_000},
            "examples": {"example": {"value": _EXAMPLE_PAGE}},
        }
    result: Part = {
        str(handler.status): {
            "description": HTTPStatus(handler.status).phrase,
            "headers": common | _headers_of(handler, names),
            **({"content": {media: content}} if media else {}),
        }
    }
    if _supports_not_modified(handler):
        result["304"] = {
            "description": HTTPStatus(304).phrase,
            "headers": common | headers("ETag"),
        }
    return result


def _response_example(handler: Endpoint, schemas: Part) -> Part:
    response = (
        example_of(schemas[component_name(handler.response_model)], schemas)
        if handler.response_model
        else {}
    )
    body = example_of(schemas[handler.body.__name__], schemas) if handler.body else {}
    return response_example(handler.route, body, response)


def _headers_of(handler: Endpoint, names: Sequence[str]) -> Part:
    """Return shared headers, and links with an example of this route."""
    path = path_of(handler.path)
    result = headers(*names)
    if "Link" in names:
        result["Link"] = link("Link", f'<{path}>; rel="first"')
    if "Location" in names and handler.response_model is not None:
        result["Location"] = link(
            "Location", f"{path}/{id_of(component_name(handler.response_model))}"
        )
    return result


def _supports_not_modified(handler: Endpoint) -> bool:
    return (
        handler.method == "GET"
        and handler.response_model is not None
        and "ETag" in handler.response_model.sends
    )


def _used(shared: Part, paths: Part) -> Part:
    """Return the shared responses that an operation refers to."""
    text = json.dumps(paths)
    return {n: result for n, result in shared.items() if f'"#/components/responses/{n}"' in text}
