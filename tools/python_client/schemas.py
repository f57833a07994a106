"""Loosened schemas: code that accepts responses of a newer API, with Python's types."""

from collections.abc import Iterable, Mapping
from typing import Any

# JSON schemas
type Json = Any

# `Literal` of all currencies would hide every other field of a body.
MAX_CHOICES = 30
AMOUNT = r"^(0|[1-9][0-9]{0,7})\.[0-9]{2}$"

KEPT = {"$ref", "additionalProperties", "anyOf", "description", "items", "properties", "required"}


def loosened(schemas: Mapping[str, Json], names: Iterable[str], style: str) -> dict[str, Json]:
    """Return the named schemas and those that they refer to.

    Limits, patterns and constants are dropped, enumerations accept other strings, and amounts are
    decimal numbers. In a body, an amount may be a string too.
    """
    found: dict[str, Json] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = _loose(schemas[name], schemas, style, waiting)
    return dict(sorted(found.items()))


def _loose(schema: Json, schemas: Mapping[str, Json], style: str, waiting: list[str]) -> Json:
    if name := schema.get("$ref", "").rpartition("/")[2]:
        if "enum" in schemas[name]:
            described = {it: schema[it] for it in ("description",) if it in schema}
            return _loose(schemas[name] | described, schemas, style, waiting)
        waiting.append(name)
        return {"$ref": f"#/components/schemas/{name}"}
    loose = {key: value for key, value in schema.items() if key in KEPT}
    if "type" not in schema:
        choices = schema.get("anyOf") or schema.get("oneOf") or []
        variants = [_loose(it, schemas, style, waiting) for it in choices]
        return loose | ({"anyOf": variants} if variants else {})
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    variants = [_variant(schema, of_type, style) for of_type in types]
    variants = [inner for variant in variants for inner in variant.get("anyOf", [variant])]
    loose |= variants[0] if len(variants) == 1 else {"anyOf": variants}
    if "items" in loose:
        items = _loose(schema["items"], schemas, style, waiting)
        loose["items"] = items
        if "anyOf" in loose:
            del loose["items"]
            loose["anyOf"] = [
                it | ({"items": items} if it["type"] == "array" else {}) for it in loose["anyOf"]
            ]
    if "properties" in loose:
        loose["properties"] = {
            key: _loose(value, schemas, style, waiting)
            for key, value in schema["properties"].items()
        }
    # Fields that a newer API adds are kept.
    loose.pop("additionalProperties", None)
    return loose


def _variant(schema: Json, of_type: str, style: str) -> Json:
    if of_type != "string":
        return {"type": of_type}
    if schema.get("pattern") == AMOUNT:
        amount = {"type": "string", "format": "decimal"}
        return amount if style == "response" else {"anyOf": [amount, {"type": "string"}]}
    if schema.get("format") == "date-time":
        return {"type": "string", "format": "date-time"}
    if 1 < len(schema.get("enum", ())) <= MAX_CHOICES:
        return {"anyOf": [{"enum": schema["enum"], "type": "string"}, {"type": "string"}]}
    return {"type": "string"}
