"""Entities as lists see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Of entity, by the name of its totals."""

    USERS = "users"
    ORDERS = "orders"
    PRODUCTS = "products"


@dataclass(frozen=True)
class Entity:
    kind: Kind
    id: str
    owner: str | None = None  # the user whose order it is


@dataclass(frozen=True)
class State:
    """What lists know of an entity at a version."""

    version: int
    status: str
    texts: Sequence[str] = ()  # of a user, folded: name and e-mail


@dataclass(frozen=True)
class Deleted:
    """There was an entity, and ids are not given twice."""


@dataclass(frozen=True)
class Reading:
    """An entity as it is, or None where there is none, and as it was last projected, if ever."""

    entity: Entity
    state: State | None
    projected: State | Deleted | None

    @property
    def is_projected(self) -> bool:
        """Also where the projection is newer, since the two are not read at one moment."""
        if self.state is None:
            return isinstance(self.projected, Deleted)
        if isinstance(self.projected, State):
            return self.projected.version >= self.state.version
        return isinstance(self.projected, Deleted)
