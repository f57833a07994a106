"""Stream records: one change of one item of a table."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any  # an event is JSON that Lambda sends

from shop.dynamo.codec import Item, decode


class Record:
    """One change of one item: how it was and how it is, or None where it was not or is no more.

    Images are decoded when they are asked for, so that one that cannot be fails whoever works on
    its record, and not the batch.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        change = record["dynamodb"]
        self.sequence_number: str = change["SequenceNumber"]
        self.stream: str = record["eventSourceARN"]
        self.table = self.stream.split("/")[1]
        self.key: Item = decode(change["Keys"])
        self._images: Mapping[str, Mapping[str, Any]] = change
        self.request_id: str | None = change.get("NewImage", {}).get("request_id", {}).get("S")
        # To the second, and the same however often the record comes.
        self.at = datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC)

    @cached_property
    def before(self) -> Item | None:
        return self._image("OldImage")

    @cached_property
    def after(self) -> Item | None:
        return self._image("NewImage")

    def _image(self, name: str) -> Item | None:
        return decode(self._images[name]) if name in self._images else None
