"""Response bodies: plain classes, whose fields are rendered as JSON with camelCase names.

They are neither pydantic models nor dataclasses: importing pydantic takes a quarter of a cold
start, and creating a dataclass half a millisecond. The OpenAPI document is built from the same
annotations.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from inspect import get_annotations
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,  # fields and annotations are of many types
    ClassVar,
    Self,
    dataclass_transform,
    get_origin,
)

from shop.clock import to_text
from shop.http.response_fields import Id
from shop.json_names import to_camel
from shop.money import amount_to_text
from shop.preconditions import entity_tag

if TYPE_CHECKING:
    from shop.http.request import Request

HIDDEN = "hidden"  # metadata of a field that is not part of the body


def fields_of(model: type) -> Mapping[str, Any]:
    """Return the annotations of the fields in the body, by name, in the order of the body."""
    annotations: dict[str, Any] = {}
    for base in reversed(model.__mro__):
        annotations |= get_annotations(base)
    return {
        name: annotation
        for name, annotation in annotations.items()
        if ClassVar not in (annotation, get_origin(annotation))
        and HIDDEN not in getattr(annotation, "__metadata__", ())
    }


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=False)
class ResponseModel:
    """A response body, JSON by default, or an object within one.

    Annotations declare the fields, which the constructor takes by name; a class attribute is a
    default. A type checker verifies them; nothing does at run time.
    """

    media_type: ClassVar[str] = "application/json"
    # For the OpenAPI document: its headers, and the schema of a body that is not made of fields
    sends: ClassVar[tuple[str, ...]] = ()
    body_schema: ClassVar[Mapping[str, Any] | None] = None
    json_names: ClassVar[Mapping[str, str]]  # of the fields in the body

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.json_names = {name: cls.json_name(name) for name in fields_of(cls)}

    @classmethod
    def json_name(cls, name: str) -> str:
        return to_camel(name)

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)

    def as_text(self) -> str:
        return _ENCODER.encode(self)

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {}


class Resource(ResponseModel):
    """A response body that represents one stored resource."""

    sends = ("ETag",)
    resource_name: ClassVar[str]  # in snake_case: a trace of its creation has `<name>_id`

    id: Id
    version: Annotated[int, HIDDEN]

    @classmethod
    def of(cls, stored: Any) -> Self:
        """Return the representation of a model; `Any`, since each feature has its own model."""
        raise NotImplementedError

    def headers(self, request: "Request") -> dict[str, str]:
        """Return the version as a strong ETag and, after a POST, the `Location`."""
        headers = {"ETag": entity_tag(self.version)}
        if request.method == "POST":
            headers["Location"] = f"{request.path.rstrip('/')}/{self.id}"
        return headers


def _as_json(value: object) -> object:
    """Return the JSON value of an object that JSON lacks."""
    match value:
        case Decimal():
            return amount_to_text(value)
        case datetime():
            return to_text(value)
        case ResponseModel():
            fields = vars(value)
            return {
                # `getattr` alone would take a fifth of the time.
                json_name: fields[name] if name in fields else getattr(value, name)
                for name, json_name in value.json_names.items()
            }
    raise TypeError(f"{type(value).__name__} is not a type of response fields")


_ENCODER = json.JSONEncoder(
    default=_as_json,
    ensure_ascii=False,
    check_circular=False,
    allow_nan=False,
    separators=(",", ":"),
)
