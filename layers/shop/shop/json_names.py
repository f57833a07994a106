"""Names of fields: camelCase in JSON, snake_case in Python."""

import re

_CAPITAL = re.compile(r"(?<=[a-z0-9])[A-Z]")


def to_camel(name: str) -> str:
    """Return `userId` for `user_id`."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def to_snake(name: str) -> str:
    """Return `user_id` for `userId`."""
    return _CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", name)
