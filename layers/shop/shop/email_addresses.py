"""Email addresses: one canonical form each, so that no variant creates a second account."""

MAX_LENGTH = 254  # characters: the path of RFC 5321 without its brackets
# Characters before canonicalisation: 64 before the @ and 255 after it
MAX_INPUT_LENGTH = 320


def canonical_email(address: str) -> str:
    """Return it trimmed, in lower case, with IDNA A-labels; raise ValueError if it is invalid."""
    if len(address) > MAX_INPUT_LENGTH:  # parsing a long text could take half a second
        raise ValueError(f"Must be at most {MAX_LENGTH} characters.")
    from email_validator import (  # 50 ms, only for functions that accept addresses
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
