"""The API reference: a page for each tag of the API document."""

import json
from collections.abc import Iterator, Mapping
from typing import Any  # JSON

type Json = Mapping[str, Any]

_METHODS = ("get", "post", "put", "patch", "delete", "options")


def pages(document: Json) -> Mapping[str, str]:
    """Return the pages by their paths, with an index of all operations first."""
    tags = sorted(document["tags"], key=lambda it: str(it["name"]))
    return {
        "api-reference/index.md": "".join(_index(document, tags)),
        **{f"api-reference/{tag['name']}.md": "".join(_page(document, tag)) for tag in tags},
    }


def _index(document: Json, tags: list[Json]) -> Iterator[str]:
    info = document["info"]
    yield f"# API reference\n\nVersion {info['version']}. {info['description']}\n"
    yield "[openapi.json](../openapi.json) is the document itself; `make run` serves it as a page"
    yield " at <http://localhost:8080/docs>, where every operation can be called.\n\n"
    for tag in tags:
        yield f"## {_heading(tag)}\n\n{tag['description']}\n\n"
        yield "| operation | description |\n| --- | --- |\n"
        for route, operation in _operations(document, tag["name"]):
            link = f"{tag['name']}.md#{_anchor(operation)}"
            yield f"| [`{route}`]({link}) | {operation['summary']} |\n"
        yield "\n"


def _page(document: Json, tag: Json) -> Iterator[str]:
    yield f"# {_heading(tag)}\n\n{tag['description']}\n\n"
    for route, operation in _operations(document, tag["name"]):
        yield f"## {operation['operationId']} {{ #{_anchor(operation)} }}\n\n"
        yield f"`{route}`\n\n{operation['description'].strip()}\n\n"
        yield f"Access: {_access(document, operation)}.\n\n"
        yield from _parameters(document, operation)
        yield from _body(document, operation)
        yield from _responses(document, operation)


def _heading(tag: Json) -> str:
    name = str(tag["name"])
    return {"graphql": "GraphQL", "oauth": "OAuth"}.get(name, name.title())


def _operations(document: Json, tag: str) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods and tag in methods[method]["tags"]:
                yield f"{method.upper()} {path}", methods[method]


def _anchor(operation: Json) -> str:
    return str(operation["operationId"]).lower()


def _resolved(document: Json, value: Json) -> Json:
    while "$ref" in value:
        found: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def _access(document: Json, operation: Json) -> str:
    schemes = operation.get("security", document["security"])
    scopes = [scope for scheme in schemes for scope in scheme.get("oauth2", [])]
    has_token = any("accessToken" in scheme for scheme in schemes)
    parts = ["an access token"] if has_token else []
    if scopes:
        parts.append("an application with " + " or ".join(f"`{scope}`" for scope in scopes))
    elif not has_token and any("oauth2" in scheme for scheme in schemes):
        parts.append("an application")
    return ", or ".join(parts) or "no token needed"


def _parameters(document: Json, operation: Json) -> Iterator[str]:
    parameters = [_resolved(document, it) for it in operation.get("parameters", [])]
    if parameters:
        yield "| parameter | in | description |\n| --- | --- | --- |\n"
        for it in parameters:
            name = f"`{it['name']}`" + (", required" if it.get("required") else "")
            yield f"| {name} | {it['in']} | {_cell(it.get('description', ''))} |\n"
        yield "\n"


def _body(document: Json, operation: Json) -> Iterator[str]:
    if "requestBody" not in operation:
        return
    for media_type, content in operation["requestBody"]["content"].items():
        schema = _resolved(document, content["schema"])
        yield f"Request body, `{media_type}`:\n\n"
        yield from _fields(document, schema)
        yield from _example(content)
        return  # other media types have the same fields


def _fields(document: Json, schema: Json) -> Iterator[str]:
    if properties := schema.get("properties"):
        yield "| field | type | description |\n| --- | --- | --- |\n"
        for name, it in properties.items():
            field = f"`{name}`" + (", required" if name in schema.get("required", []) else "")
            described = {**_resolved(document, it), **it}
            description = _cell(described.get("description", ""))
            yield f"| {field} | {_type(document, it)} | {description} |\n"
        yield "\n"


def _type(document: Json, schema: Json) -> str:
    schema = _resolved(document, schema)
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(it)}`" for it in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if alternatives := schema.get("oneOf", schema.get("anyOf")):
        return " or ".join(_type(document, it) for it in alternatives)
    found = schema.get("type", "any")
    names = [found] if isinstance(found, str) else found
    if "array" in names and "items" in schema:
        return f"array of {_type(document, schema['items'])}"
    return " or ".join(names) + (f" ({schema['format']})" if "format" in schema else "")


def _responses(document: Json, operation: Json) -> Iterator[str]:
    yield "| status | description |\n| --- | --- |\n"
    for status, response in operation["responses"].items():
        yield f"| {status} | {_cell(_resolved(document, response)['description'])} |\n"
    yield "\n"
    for status, response in operation["responses"].items():
        content = _resolved(document, response).get("content", {}).get("application/json", {})
        if status.startswith("2") and content:
            yield f"Response {status}:\n\n"
            yield from _fields(document, _resolved(document, content["schema"]))
            yield from _example(content)


def _example(content: Json) -> Iterator[str]:
    for example in [*content.get("examples", {}).values()][:1]:
        value = example["value"]
        is_text = isinstance(value, str)
        text = value if is_text else json.dumps(value, indent=2, ensure_ascii=False)
        yield f"```{'text' if is_text else 'json'}\n{text}\n```\n\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
