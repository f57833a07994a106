"""Entities as lists see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# A projector starts its last call for search rows 10 s after it recorded them. A call that hangs
# lasts 9.2 s with its retries (`shop.clients`), so none has an effect after 20 s.
SEARCH_WRITES_START_WITHIN = timedelta(seconds=10)
SEARCH_WRITES_END_WITHIN = timedelta(seconds=20)


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
class SearchWrite:
    """Texts whose search rows a projector may be putting or deleting until a moment."""

    writer: str
    until: datetime
    texts: Sequence[str]


@dataclass(frozen=True)
class Reading:
    """An entity as it is, or None where there is none, and as it was last projected, if ever.

    `writes` are the recorded search writes that nobody has settled, the newest first.
    """

    entity: Entity
    state: State | None
    projected: State | Deleted | None
    writes: Sequence[SearchWrite] = ()

    @property
    def is_projected(self) -> bool:
        """Also where the projection is newer, since the two are not read at one moment."""
        if self.state is None:
            return isinstance(self.projected, Deleted)
        if isinstance(self.projected, State):
            return self.projected.version >= self.state.version
        return isinstance(self.projected, Deleted)


@dataclass(frozen=True)
class Step:
    """An entity's row as it is read, and what it becomes.

    `writes` has the search writes that the row records: that of this step, and those of others
    that may still be under way. It is empty where search rows stay as they are.
    """

    reading: Reading
    target: State | Deleted
    writes: Sequence[SearchWrite] = ()

    @property
    def is_last(self) -> bool:
        """False where the row stays as it was, and the entity has gone on."""
        return self.reading.is_projected or self.target is not self.reading.projected
