"""Email addresses in request bodies."""

from typing import Annotated

from pydantic import AfterValidator, Field

from shop.email_addresses import MAX_INPUT_LENGTH, canonical_email
from shop.violations import violation


def _email(address: str) -> str:
    try:
        return canonical_email(address)
    except ValueError as error:
        raise violation("email", str(error)) from None


EmailAddress = Annotated[
    str,
    Field(
        max_length=MAX_INPUT_LENGTH,
        description="surrounding whitespace is removed; the domain may be international",
        examples=["ada@example.com"],
        # The format is an annotation in JSON Schema 2020-12, and narrower than the accepted input.
        json_schema_extra={"format": "email", "pattern": "^[^@]+@[^@]+$"},
    ),
    AfterValidator(_email),
]
