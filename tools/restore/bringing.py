"""Bringing items back into the live table, each if it is still as it was compared."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any  # a stream's record is its JSON

from shop.clock import now
from shop.dynamo import tables, transactions
from shop.dynamo.codec import Item, encode
from shop.events.records import event_of
from shop.mail.repository import DeliveryLogRepository
from shop.stream_records import Record
from tools.restore.comparison import Comparison, fingerprint, named
from tools.restore.counts import ADMINS, SUMMARY
from tools.restore.rooms import Actions, Lost, Room, Sight, Unfit

_COUNTS = (ADMINS, SUMMARY)
_MARKED_WITHIN = 30  # seconds


@dataclass(frozen=True)
class Outcome:
    name: str
    key: Item
    refused: str | None = None


class Bringing:
    def __init__(self, room: Room, copy: str, sight: Sight) -> None:
        self._room = room
        self._copy = copy
        self._sight = sight

    def wanted(self, found: Comparison, names: Iterable[str]) -> Mapping[str, Item]:
        """The keys of what people named, by name; raises `LookupError` for a name of nothing."""
        known = self.missing(found) | found.changed
        return {name: known[name] for name in names}

    def missing(self, found: Comparison) -> dict[str, Item]:
        """By name. Of a credential that is its user's, since an address is personal."""
        items = ((key, self._sight.get(self._copy, key)) for key in found.missing)
        return {self._room.name(item) or "": key for key, item in items if item is not None}

    def why_doubtful(self, key: Item) -> str | None:
        """Why the API itself may have deleted it, so that nobody brings it back unnamed."""
        was = self._sight.get(self._copy, key)
        return None if was is None or is_counted(key) else self._room.deleted(self._sight, was)

    def bring(self, wanted: Mapping[str, Item]) -> Iterator[Outcome]:
        """Rows that count others come back by counting, which the caller does at the end."""
        for name, key in wanted.items():
            refused = None if is_counted(key) else self._bring(name, key)
            yield Outcome(name, key, refused)

    def _bring(self, name: str, key: Item) -> str | None:
        """Why it was not brought back."""
        table = self._room.table()
        was, live = self._sight.get(self._copy, key), self._sight.get(table, key)
        assert was is not None
        is_named = name == (self._room.name(was) if live is None else _name(self._room, live))
        if not is_named:
            return "it has changed since it was compared"
        try:
            actions = self._room.actions(self._sight, Lost(was, live))
            _tell_nobody_by_mail(table, key, live, actions)
            transactions.write(actions)
        except Unfit as unfit:
            return str(unfit)
        except transactions.ConditionFailed:
            return "it, or what belongs to it, changed at this moment"
        return None


def is_counted(key: Item) -> bool:
    return key.get("id") in _COUNTS


def _name(room: Room, live: Item) -> str:
    return named(room.name(live) or "", fingerprint(live))


def _tell_nobody_by_mail(table: str, key: Item, live: Item | None, actions: Actions) -> None:
    """What comes back is an event, which readers need to know what is; but it is no news to the
    person, so its mail is marked as sent before there is one.
    """
    if table not in (tables.users(), tables.orders()):
        return
    put = next(iter(actions.values()))["Put"]
    change: dict[str, Any] = {
        "SequenceNumber": "0",
        "ApproximateCreationDateTime": time.time(),
        "Keys": encode(key),
        "NewImage": put["Item"],
    }
    if live is not None:
        change["OldImage"] = encode(live)
    record = Record({"eventSourceARN": f"table/{table}/stream", "dynamodb": change})
    event = event_of(record)
    if event is not None:
        marks = DeliveryLogRepository(now)
        if marks.acquire(event.id):
            marks.complete(event.id, _MARKED_WITHIN)
