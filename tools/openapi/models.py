"""JSON Schemas of request bodies, queries and responses."""

import re
from collections.abc import Collection, Iterable, Mapping
from inspect import get_annotations
from types import UnionType, get_original_bases
from typing import (  # values of JSON Schema are of many types
    Annotated,
    Any,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pydantic import BaseModel, Field, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from shop.http.form import Form
from shop.http.request_models import Patch
from shop.http.response_models import ResponseModel, fields_of
from shop.oauth.protocol_models import ProtocolModel
from tools.openapi.examples import add_id_examples

COMPONENTS = "#/components/schemas/"
_NAME = re.compile(r"[A-Za-z0-9]+")
_MAX_INT32 = 2**31 - 1

type Schema = dict[str, Any]


_AS_PYDANTIC: dict[type[ResponseModel], type[BaseModel]] = {}


class MissingExample(ValueError):
    """A field without an example."""


class DuplicateModelName(Exception):
    """Two models have the same name in the document, so one would replace the other."""


class _Response(BaseModel):
    """A response model as pydantic's, which generates its schema."""


class _Generator(GenerateJsonSchema):
    def model_schema(self, schema: Any) -> Schema:
        """Allow additional fields in responses, which may get new ones; requests reject them."""
        result = super().model_schema(schema)
        if self.mode == "serialization":
            result.pop("additionalProperties", None)
        return result

    def field_is_required(self, field: Any, total: bool) -> bool:
        """Mark all fields of responses as required, since defaults are always sent."""
        return self.mode == "serialization" or super().field_is_required(field, total)


def component_name(model: type[ResponseModel]) -> str:
    """Return the name for clients: `OrderResponse` is `Order`."""
    return model.__name__.removesuffix("Response")


def schemas_of(
    requests: Iterable[type[BaseModel]], responses: Collection[type[ResponseModel]]
) -> dict[str, Schema]:
    """Return the schemas of these models and of their nested models, by name."""
    with_fields = {as_pydantic(model) for model in responses if model.body_schema is None}
    unique_models = sorted({*requests, *with_fields}, key=lambda model: model.__name__)
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (model, "serialization" if issubclass(model, _Response) else "validation")
        for model in unique_models
    ]
    _, found = models_json_schema(
        modes, ref_template=COMPONENTS + "{model}", schema_generator=_Generator
    )
    # pydantic distinguishes equal names by module or mode, with characters that no name has.
    if duplicates := [name for name in found["$defs"] if _NAME.fullmatch(name) is None]:
        raise DuplicateModelName(f"{duplicates}: rename one of the models")
    patches = {model.__name__ for model in unique_models if issubclass(model, Patch)}
    schemas: dict[str, Schema] = {
        component_name(model): {"description": model.__doc__, **model.body_schema}
        for model in responses
        if model.body_schema is not None
    }
    without_null = {model.__name__ for model in responses if issubclass(model, ProtocolModel)}
    for name, schema in found["$defs"].items():
        result = _simplified(schema, has_defaults=name not in patches)
        if name in without_null:
            result = _absent_for_null(result)
        if name.removesuffix("Response") in schemas:
            raise DuplicateModelName(name)
        schemas[name.removesuffix("Response")] = result
    add_id_examples(schemas)
    for name, schema in schemas.items():
        try:
            _add_examples(schema, schemas)
        except MissingExample as missing:
            raise MissingExample(
                f"a field of {name} has no example: add JsonSchema(examples=[…]) to its annotation,"
                f" then run: make generate. {missing}"
            ) from None
    return schemas


def as_pydantic(model: type[ResponseModel]) -> type[BaseModel]:
    """Return a model of pydantic with the name, docstring and fields of a response model."""
    if model not in _AS_PYDANTIC:
        fields: Any = {
            name: (
                _type_of(annotation, _type_arguments(model)),
                Field(getattr(model, name, ...), serialization_alias=model.json_names[name]),
            )
            for name, annotation in fields_of(model).items()
        }
        space: Any = {"__base__": _Response, "__doc__": model.__doc__}
        _AS_PYDANTIC[model] = create_model(
            model.__name__, **space, __module__=model.__module__, **fields
        )
    return _AS_PYDANTIC[model]


def _type_arguments(model: type[ResponseModel]) -> Mapping[Any, Any]:
    """Return the type arguments of a generic base, by parameter."""
    for base in get_original_bases(model):
        if arguments := get_args(base):
            return dict(zip(get_origin(base).__type_params__, arguments, strict=True))
    return {}


def _type_of(annotation: Any, type_arguments: Mapping[Any, Any]) -> Any:
    """Return the annotation with pydantic's models in place of response models."""
    found = type_arguments.get(annotation, annotation)
    if isinstance(found, TypeVar):
        raise TypeError(f"{found} is unknown: derive from the generic model directly")
    if isinstance(found, type) and issubclass(found, ResponseModel):
        return as_pydantic(found)
    match get_origin(found), get_args(found):
        case origin, (inner, *metadata) if origin is Annotated:
            return Annotated[_type_of(inner, type_arguments), *metadata]
        case origin, (inner,) if origin is list:
            return list.__class_getitem__(_type_of(inner, type_arguments))
        case origin, inner if origin is UnionType:
            return Union[tuple(_type_of(it, type_arguments) for it in inner)]  # noqa: UP007
    return found


def example_of(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """Return the schema's example, or one composed of the examples of its parts."""
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
        case "array" | ["array", "null"]:
            return [example_of(schema["items"], schemas)]
        case "boolean":
            return True
    raise MissingExample(f"Its schema: {schema}")


def _add_examples(schema: Schema, schemas: Mapping[str, Schema]) -> None:
    schema.setdefault("examples", [example_of(schema, schemas)])


def _simplified(value: Any, *, has_defaults: bool) -> Any:
    """Remove titles, which repeat names, and defaults that clients cannot send."""
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


def form_schema(form: Form) -> Schema:
    """Return the schema of a form: fields without a default are required."""
    annotations, defaults = get_annotations(form.model), form.model._field_defaults
    fields: Any = {name: (annotations[name], defaults.get(name, ...)) for name in form.fields}
    model = create_model(form.model.__name__, __doc__=form.model.__doc__, **fields)
    schema = _simplified(model.model_json_schema(), has_defaults=False)
    required = schema.get("required", [])
    result = {**_absent_for_null(schema), "required": required}
    _add_examples(result, {})
    return result if required else {w: inner for w, inner in result.items() if w != "required"}


def _absent_for_null(schema: Schema) -> Schema:
    """Return an object's schema in which a field that may be null may be absent instead."""
    properties = {
        name: {**part, "type": part["type"][0]} if isinstance(part.get("type"), list) else part
        for name, part in schema.get("properties", {}).items()
    }
    required = [n for n, it in properties.items() if it == schema["properties"][n]]
    return {**schema, "properties": properties, "required": required}


def _nullable(schema: Schema) -> Schema:
    """Write `anyOf` of a type and null as two types, which more tools understand."""
    match schema.get("anyOf"):
        case [{"type": str(type_)} as typed, {"type": "null"}]:
            result = {word: inner for word, inner in schema.items() if word != "anyOf"}
            return {**typed, **result, "type": [type_, "null"]}
    return schema


def _with_limits(schema: Schema) -> Schema:
    """Add the smallest format to integers, and the length of our timestamps."""
    type_ = schema.get("type")
    if type_ == "integer" or type_ == ["integer", "null"]:
        largest = max(abs(schema.get("minimum", 0)), abs(schema.get("maximum", 0)))
        schema["format"] = "int32" if largest <= _MAX_INT32 else "int64"
    if schema.get("format") == "date-time":
        schema["maxLength"] = 24
    return schema
