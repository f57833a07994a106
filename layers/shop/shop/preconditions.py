"""Preconditions of changes: `If-Match` (RFC 9110, 13.1.1)."""

from typing import NamedTuple

from shop.errors import PreconditionFailed


def entity_tag(version: int) -> str:
    """Return the strong entity tag of a version of a resource."""
    return f'"{version}"'


class Precondition(NamedTuple):
    """The accepted entity tags. None accepts any, and concurrent changes are merged."""

    entity_tags: frozenset[str] | None = None

    def check(self, version: int) -> None:
        """Raise `PreconditionFailed` if the resource has another version."""
        if self.entity_tags is not None and entity_tag(version) not in self.entity_tags:
            raise PreconditionFailed
