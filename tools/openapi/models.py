"""Models of bodies and queries as JSON Schema, the same for every reader of the document."""

import re
from collections.abc import Iterable, Mapping
from typing import Any  # what JSON Schema is made of

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from shop.http.response_models import ResponseModel
from shop.schemas import Patch
from tools.openapi.examples import add_id_examples

COMPONENTS = "#/components/schemas/"
_NAME = re.compile(r"[A-Za-z0-9]+")
_MAX_INT32 = 2**31 - 1

type Schema = dict[str, Any]


class DuplicateModelName(Exception):
    """Two models would have one name in the document, and one would take the other's place."""


class _Generator(GenerateJsonSchema):
    def model_schema(self, schema: Any) -> Schema:
        """Bodies with other fields are refused; what we give may have more fields one day."""
        result = super().model_schema(schema)
        if self.mode == "serialization":
            result.pop("additionalProperties", None)
        return result

    def field_is_required(self, field: Any, total: bool) -> bool:
        """What we give is always there, if only as its default."""
        return self.mode == "serialization" or super().field_is_required(field, total)


def component_name(model: type[BaseModel]) -> str:
    """What a client calls it: `OrderResponse` is an Order."""
    return model.__name__.removesuffix("Response")


def schemas_of(models: Iterable[type[BaseModel]]) -> dict[str, Schema]:
    """By the name of each model, and of each that they are made of."""
    unique_models = sorted(set(models), key=lambda model: model.__name__)
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (model, "serialization" if issubclass(model, ResponseModel) else "validation")
        for model in unique_models
    ]
    _, found = models_json_schema(
        modes, ref_template=COMPONENTS + "{model}", schema_generator=_Generator
    )
    # pydantic tells two of one name apart by their modules, or by what they are read for.
    if duplicates := [name for name in found["$defs"] if _NAME.fullmatch(name) is None]:
        raise DuplicateModelName(f"of {duplicates}: give one of them another name")
    patches = {model.__name__ for model in unique_models if issubclass(model, Patch)}
    schemas: dict[str, Schema] = {}
    for name, schema in found["$defs"].items():
        result = _simplified(schema, has_defaults=name not in patches)
        if name.removesuffix("Response") in schemas:
            raise DuplicateModelName(name)
        schemas[name.removesuffix("Response")] = result
    add_id_examples(schemas)
    for schema in schemas.values():
        _add_examples(schema, schemas)
    return schemas


def example_of(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """The schema's own example, or one made of those of its parts."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].removeprefix(COMPONENTS)], schemas)
    for word in ("examples", "enum"):
        if word in schema:
            return schema[word][0]
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas)
    match schema["type"]:
        case "object":
            parts = schema.get("properties", {})
            return {name: example_of(part, schemas) for name, part in parts.items()}
        case "array":
            return [example_of(schema["items"], schemas)]
        case "boolean":
            return True
    raise ValueError(f"nobody gave an example of {schema}")


def _add_examples(schema: Schema, schemas: Mapping[str, Schema]) -> None:
    schema.setdefault("examples", [example_of(schema, schemas)])


def _simplified(value: Any, *, has_defaults: bool) -> Any:
    """Without titles, which only spell names once more, and defaults that nobody may send."""
    if isinstance(value, list):
        return [_simplified(inner, has_defaults=has_defaults) for inner in value]
    if not isinstance(value, dict):
        return value
    plain: Schema = {}
    for word, inner in value.items():
        if word == "properties":
            plain[word] = {n: _simplified(s, has_defaults=has_defaults) for n, s in inner.items()}
        elif word == "$ref":
            plain[word] = inner.removesuffix("Response")
        elif word in ("examples", "enum", "const"):
            plain[word] = inner
        elif word == "default":
            if has_defaults and inner is not None:
                plain[word] = inner
        elif word != "title":
            plain[word] = _simplified(inner, has_defaults=has_defaults)
    return _with_limits(_nullable(plain))


def _nullable(schema: Schema) -> Schema:
    """`anyOf` of one type and null as two types, which more readers of schemas understand."""
    match schema.get("anyOf"):
        case [{"type": str(type_)} as typed, {"type": "null"}]:
            result = {word: inner for word, inner in schema.items() if word != "anyOf"}
            return {**typed, **result, "type": [type_, "null"]}
    return schema


def _with_limits(schema: Schema) -> Schema:
    """Integers with the format that holds them; times are as long as we write them."""
    type_ = schema.get("type")
    if type_ == "integer" or type_ == ["integer", "null"]:
        largest = max(abs(schema.get("minimum", 0)), abs(schema.get("maximum", 0)))
        schema["format"] = "int32" if largest <= _MAX_INT32 else "int64"
    if schema.get("format") == "date-time":
        schema["maxLength"] = 24
    return schema
