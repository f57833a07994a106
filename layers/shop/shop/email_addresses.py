"""E-mail addresses: one spelling for each, so that no spelling makes a second account."""

from typing import Annotated

from pydantic import AfterValidator, Field

from shop.schemas import violation

MAX_LENGTH = 254  # characters, RFC 5321's path less its brackets
MAX_INPUT_LENGTH = (
    320  # characters, before canonicalisation: 64 of the part before the @, 255 after
)


def canonical_email(address: str) -> str:
    """Trimmed, lower case, the domain as IDNA A-labels; raises ValueError where it is none."""
    if len(address) > MAX_INPUT_LENGTH:  # which to look through could take half a second
        raise ValueError(f"Must be at most {MAX_LENGTH} characters.")
    from email_validator import (  # 50 ms; only where mail comes in
        EmailNotValidError,
        validate_email,
    )

    try:
        checked = validate_email(
            address.strip(), check_deliverability=False, allow_smtputf8=False, strict=True
        ).ascii_email
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    if checked is None or len(checked) > MAX_LENGTH:
        raise ValueError(f"Must be at most {MAX_LENGTH} characters.")
    return checked.lower()


def is_form_of(text: str, email: str) -> bool:
    """Return whether the canonical form of the text is this email."""
    try:
        return "@" in text and canonical_email(text) == email
    except ValueError:
        return False


def _email(address: str) -> str:
    try:
        return canonical_email(address)
    except ValueError as error:
        raise violation("email", str(error)) from None


EmailAddress = Annotated[
    str,
    Field(
        max_length=MAX_INPUT_LENGTH,
        description="blanks around it are cut off; the domain may be international",
        examples=["ada@example.com"],
        # The format is a hint, by JSON Schema 2020-12 no rule, and narrower than what is taken.
        json_schema_extra={"format": "email", "pattern": "^[^@]+@[^@]+$"},
    ),
    AfterValidator(_email),
]
