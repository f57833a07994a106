"""Names of fields: camelCase in JSON, snake_case in Python; sorts by the names of enums."""

import re

_CAPITAL = re.compile(r"(?<=[a-z0-9])[A-Z]")


def to_camel(name: str) -> str:
    """Return `userId` for `user_id`."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def to_snake(name: str) -> str:
    """Return `user_id` for `userId`."""
    return _CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", name)


def sort_of(name: str) -> str:
    """Return the sort of REST: `-createdAt` for `CREATED_AT_DESC`."""
    sign = "-" if name.endswith("_DESC") else ""
    return sign + to_camel(name.removesuffix("_DESC").removesuffix("_ASC").lower())
