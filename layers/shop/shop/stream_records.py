"""Stream records: one change of one item of a table."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any  # an event is JSON from Lambda

from shop.dynamo.codec import Item, decode


class StreamRecord:
    """One change of one item, with the images before and after it; None for a missing image.

    Images are decoded on access, so that a malformed one fails its record, not the whole batch.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        change = record["dynamodb"]
        self.sequence_number: str = change["SequenceNumber"]
        self.stream: str = record["eventSourceARN"]
        self.table = self.stream.split("/")[1]
        self.key: Item = decode(change["Keys"])
        self._images: Mapping[str, Mapping[str, Any]] = change
        self.request_id: str | None = change.get("NewImage", {}).get("request_id", {}).get("S")
        # In seconds, and the same for every delivery of the record.
        self.at = datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC)

    @cached_property
    def before(self) -> Item | None:
        return self._image("OldImage")

    @cached_property
    def after(self) -> Item | None:
        return self._image("NewImage")

    def _image(self, name: str) -> Item | None:
        return decode(self._images[name]) if name in self._images else None
