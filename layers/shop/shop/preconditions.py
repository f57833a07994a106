"""What a client demands of a resource before it changes it: `If-Match` (RFC 9110, 13.1.1)."""

from dataclasses import dataclass

from shop.errors import PreconditionFailed


def entity_tag(version: int) -> str:
    """The strong entity tag of a resource at a version."""
    return f'"{version}"'


@dataclass(frozen=True)
class Precondition:
    """The entity tags that a client takes; None takes any, and changes of others are merged."""

    entity_tags: frozenset[str] | None = None

    def check(self, version: int) -> None:
        """Raises `PreconditionFailed` where the resource is at another version by now."""
        if self.entity_tags is not None and entity_tag(version) not in self.entity_tags:
            raise PreconditionFailed
