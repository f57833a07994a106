"""Messages of validation errors, by pydantic's error type."""

from collections.abc import Mapping
from typing import Any, get_args  # the details of a pydantic error are of several types

from pydantic_core.core_schema import ErrorType

from shop.http.request import UNKNOWN_PARAMETER

# By pydantic's type, which is the `code` of the detail; formatted with the context of the error.
MESSAGES: Mapping[str, str] = {
    "missing": "This field is required.",
    "extra_forbidden": "Unknown field.",
    "model_type": "Must be an object.",
    "dict_type": "Must be an object.",
    "list_type": "Must be an array.",
    "too_short": "Must have at least {min_length} item{s}.",
    "too_long": "Must have at most {max_length} item{s}.",
    "string_type": "Must be a string.",
    "string_unicode": "Must be valid Unicode.",
    "string_too_short": "Must be at least {min_length} character{s}.",
    "string_too_long": "Must be at most {max_length} character{s}.",
    "string_pattern_mismatch": "Must match the pattern {pattern}",
    "bool_type": "Must be true or false.",
    "int_type": "Must be an integer.",
    "int_from_float": "Must be an integer.",
    "int_parsing": "Must be an integer.",
    "int_parsing_size": "Must have fewer digits.",
    "greater_than_equal": "Must be at least {ge}.",
    "less_than_equal": "Must be at most {le}.",
    "enum": "Must be {expected}.",
    "literal_error": "Must be {expected}.",
}
_DEFAULT = "This value is not valid."

_OF_PYDANTIC = frozenset(get_args(ErrorType))


def message_of(place: str, type_: str, context: Mapping[str, Any], own: str = _DEFAULT) -> str:
    """Return the message of `violation`, or the message for pydantic's error type.

    pydantic's wording never reaches clients: a type that is not in the table gets a general
    message. `own` is the message of a custom error, with a code that pydantic does not define.
    """
    if "message" in context:
        return str(context["message"])
    if type_ not in _OF_PYDANTIC:
        return own
    if place == "query" and type_ == "extra_forbidden":
        return UNKNOWN_PARAMETER
    is_one = 1 in (context.get("min_length"), context.get("max_length"))
    return MESSAGES.get(type_, _DEFAULT).format_map({**context, "s": "" if is_one else "s"})
