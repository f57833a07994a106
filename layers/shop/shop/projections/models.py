"""Entities and their projected states."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

# A projector starts no call for search rows later than 10 s after it recorded the write. A hanging
# call lasts 9.2 s with its retries (`shop.clients`), so none has an effect after 20 s.
SEARCH_WRITES_START_WITHIN = timedelta(seconds=10)
SEARCH_WRITES_END_WITHIN = timedelta(seconds=20)


class Kind(StrEnum):
    """Kinds of entities, by the names of their totals."""

    USERS = "users"
    ORDERS = "orders"
    PRODUCTS = "products"


class Entity(NamedTuple):
    kind: Kind
    id: str
    owner: str | None = None  # the user id of an order


class State(NamedTuple):
    """The state that lists show of an entity, at a version."""

    version: int
    status: str
    texts: Sequence[str] = ()  # of a user, folded: name and email


@dataclass(frozen=True)  # not an empty named tuple, which is false
class Deleted:
    """The state of a deleted entity; it is final, since ids are unique."""


class SearchWrite(NamedTuple):
    """Texts whose search rows a projector may put or delete until `until`."""

    writer: str
    until: datetime
    texts: Sequence[str]


class Reading(NamedTuple):
    """An entity's current state and its projected one; None if it does not exist.

    `writes` are the recorded, unsettled search writes, newest first.
    """

    entity: Entity
    state: State | None
    projected: State | Deleted | None
    writes: Sequence[SearchWrite] = ()

    @property
    def is_projected(self) -> bool:
        """Also True for a newer projection: the two are not read at the same moment."""
        if self.state is None:
            return isinstance(self.projected, Deleted)
        if isinstance(self.projected, State):
            return self.projected.version >= self.state.version
        return isinstance(self.projected, Deleted)


class Step(NamedTuple):
    """The change of an entity's row from its reading to its target.

    `writes` are the search writes that the row records: first that of this step, then those of
    other projectors that may still be running. Empty if search rows do not change.
    """

    reading: Reading
    target: State | Deleted
    writes: Sequence[SearchWrite] = ()

    @property
    def is_last(self) -> bool:
        """False if the row keeps its state although the entity has changed since."""
        return self.reading.is_projected or self.target is not self.reading.projected
