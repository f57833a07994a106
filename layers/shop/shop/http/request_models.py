"""Bases of request bodies and queries, by pydantic: camelCase in JSON, and no unknown fields."""

from functools import partial
from typing import Annotated, Any, ClassVar  # `Any`: fields are of many types

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from shop.http.parameters import BoundEndpoint, Reader
from shop.http.validation import read_body, read_query
from shop.identifiers import ID_LENGTH, UUID_PATTERN, canonical_id
from shop.json_names import to_camel
from shop.violations import violation


class Schema(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,  # or logs could contain user input
        defer_build=True,  # each endpoint builds its own schemas, not all that are imported
    )


class Body(Schema):
    """A request body: JSON with strict types; unknown fields are rejected."""

    model_config = ConfigDict(strict=True, validate_by_name=False)

    request_part: ClassVar = "body"  # no field has this name

    @classmethod
    def bind(cls, _endpoint: BoundEndpoint, _: str, /) -> Reader:
        cls.model_rebuild()  # at import, or the first request would wait for it
        return partial(read_body, cls)


class Patch(Body):
    """A JSON Merge Patch (RFC 7396): absent fields keep their value, and null is a value.

    Every field has the default `UNSET`; only the type of a nullable field includes None.
    """

    def changes(self) -> dict[str, Any]:
        """Return the fields of the request, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set}


UNSET: Any = None  # the default of an absent field; it is never read


class Query(Schema):
    """Query parameters; unknown names are rejected."""

    model_config = ConfigDict(validate_by_name=False)

    request_part: ClassVar = "query"

    @classmethod
    def bind(cls, _endpoint: BoundEndpoint, _: str, /) -> Reader:
        cls.model_rebuild()
        return partial(read_query, cls)


def _without_point(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# JSON has one type of number, and JSON Schema treats `2.0`, which some clients send, as an integer.
# Annotate it after the limits of an integer, or the document would lack them.
IntegralFloat = BeforeValidator(_without_point)

MAX_TEXT = 1024 * 1024  # characters; no body is longer


def _canonical_id(text: str) -> str:
    id_ = canonical_id(text)
    if id_ is None:
        raise violation("uuid", "Must be a UUID.")
    return id_


# An id in a body, in upper or lower case; the parsed value is in lower case.
IdIn = Annotated[
    str,
    Field(
        max_length=ID_LENGTH,
        json_schema_extra={"format": "uuid", "pattern": f"^{UUID_PATTERN}$"},
    ),
    AfterValidator(_canonical_id),
]
