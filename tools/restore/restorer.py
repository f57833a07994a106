"""Restore items to the live table, each only if it did not change since the comparison."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any  # stream records are JSON

from shop.clock import now
from shop.dynamo import tables, transactions
from shop.dynamo.codec import Item, encode
from shop.events.records import event_of
from shop.mail.repository import DeliveryLogRepository
from shop.stream_records import StreamRecord
from tools.restore.comparison import Comparison, fingerprint, versioned_name
from tools.restore.counts import ADMINS, SUMMARY
from tools.restore.table_specs import Actions, LiveReader, LostItem, NotRestorable, TableSpec

_COUNTS = (ADMINS, SUMMARY)
_LEASE_SECONDS = 30  # seconds


@dataclass(frozen=True)
class Outcome:
    name: str
    key: Item
    error: str | None = None


class Restorer:
    def __init__(self, spec: TableSpec, copy: str, reader: LiveReader) -> None:
        self._spec = spec
        self._copy = copy
        self._reader = reader

    def find_keys(self, found: Comparison, names: Iterable[str]) -> Mapping[str, Item]:
        """Return the keys of these names; raise `LookupError` for an unknown name."""
        known = self.find_missing(found) | found.changed
        return {name: known[name] for name in names}

    def find_missing(self, found: Comparison) -> dict[str, Item]:
        """Return missing keys by name; a credential's name is its user's id, not its email."""
        items = ((key, self._reader.get(self._copy, key)) for key in found.missing)
        return {self._spec.name(item) or "": key for key, item in items if item is not None}

    def deletion_reason(self, key: Item) -> str | None:
        """Return why the API may have deleted the item, or None.

        An item with a reason is restored only by name.
        """
        copied = self._reader.get(self._copy, key)
        return (
            None
            if copied is None or is_counted(key)
            else self._spec.deletion_reason(self._reader, copied)
        )

    def restore(self, keys: Mapping[str, Item]) -> Iterator[Outcome]:
        """Restore items; the caller recounts rows with counts afterwards."""
        for name, key in keys.items():
            error = None if is_counted(key) else self._restore_item(name, key)
            yield Outcome(name, key, error)

    def _restore_item(self, name: str, key: Item) -> str | None:
        """Return why the item was not restored, or None."""
        table = self._spec.table()
        copied, live = self._reader.get(self._copy, key), self._reader.get(table, key)
        assert copied is not None
        has_name = name == (
            self._spec.name(copied) if live is None else _versioned_name(self._spec, live)
        )
        if not has_name:
            return "it has changed since it was compared"
        try:
            actions = self._spec.actions(self._reader, LostItem(copied, live))
            _suppress_email(table, key, live, actions)
            transactions.write(actions)
        except NotRestorable as error:
            return str(error)
        except transactions.ConditionFailed:
            return "it, or a related item, changed during the restore"
        return None


def is_counted(key: Item) -> bool:
    return key.get("id") in _COUNTS


def _versioned_name(spec: TableSpec, live: Item) -> str:
    return versioned_name(spec.name(live) or "", fingerprint(live))


def _suppress_email(table: str, key: Item, live: Item | None, actions: Actions) -> None:
    """Record the email of a restored item as sent, before the event that would send it.

    A restore publishes an event, which consumers need, but must not email the user again.
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
    record = StreamRecord({"eventSourceARN": f"table/{table}/stream", "dynamodb": change})
    event = event_of(record)
    if event is not None:
        delivery_log = DeliveryLogRepository(now)
        if delivery_log.acquire(event.id):
            delivery_log.complete(event.id, _LEASE_SECONDS)
