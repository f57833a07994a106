"""What every body has in common: camelCase outside, snake_case inside, nothing unnamed."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from shop.clock import to_text
from shop.identifiers import ID_LENGTH, UUID_PATTERN, canonical_id


class Schema(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,  # or a log could hold what somebody sent
        defer_build=True,  # each endpoint builds its own, of many that are imported
    )


class Body(Schema):
    """A request body: JSON in, every type strict, unknown fields refused."""

    model_config = ConfigDict(strict=True, validate_by_name=False)


class Patch(Body):
    """A JSON Merge Patch (RFC 7396): what is absent stays, and null is a value where one is.

    Every field is declared with `ABSENT` for its default; only a field whose value may be null
    has None in its type.
    """

    def changes(self) -> dict[str, Any]:
        """The fields that were sent, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set}


UNSET: Any = None  # the value of what was not sent, which nobody reads


class Query(Schema):
    """Query parameters: text in, unknown names refused."""

    model_config = ConfigDict(validate_by_name=False)


def violation(code: str, message: str, field: str | None = None) -> PydanticCustomError:
    """A broken rule of the API, for a validator to raise, with the message that clients read.

    `field` is the alias of the sibling to point at instead of the one that is validated.
    """
    context = {"message": message} if field is None else {"message": message, "field": field}
    return PydanticCustomError(code, "{message}", context)


def json_schema(**keywords: Any) -> Any:
    """JSON Schema of what we give; it is not checked, or a rule made later would hide what is old.

    `Any`, since it is JSON, and what pydantic's `Field` gives.
    """
    return Field(json_schema_extra=keywords)


def _without_point(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# JSON has one kind of number: `2.0`, as some clients write 2, is an integer in JSON Schema too.
# Comes after an integer's limits, which would not be in the document otherwise.
IntegralFloat = BeforeValidator(_without_point)

MAX_TEXT = 1024 * 1024  # characters; no body is longer

Id = Annotated[
    str, json_schema(format="uuid", maxLength=36)
]  # the document gives each kind an example


def _canonical_id(text: str) -> str:
    id_ = canonical_id(text)
    if id_ is None:
        raise violation("uuid", "Must be a UUID.")
    return id_


# An id in a body, in upper or lower case; its value is in lower case.
IdIn = Annotated[
    str,
    Field(
        max_length=ID_LENGTH,
        json_schema_extra={"format": "uuid", "pattern": f"^{UUID_PATTERN}$"},
    ),
    AfterValidator(_canonical_id),
]


Timestamp = Annotated[
    datetime,
    PlainSerializer(to_text, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "examples": ["2026-11-22T18:06:00.123Z"],
        }
    ),
]
