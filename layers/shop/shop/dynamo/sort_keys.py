"""Sort keys of lists: each ends with the item's id, so that no two are equal."""

import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2s

from shop.config import setting

_TEXT_BYTES = 256  # of a text that determine its order; a sort key has at most 1,024 bytes
# Texts may contain the last code point; a text of nothing else is cut one short of this key.
AFTER_EVERY_TEXT = "\U0010ffff" * (_TEXT_BYTES // len("\U0010ffff".encode()) + 1)
_DIGITS = 10  # of an amount in hundredths, the largest being 99999999.99


def amount_key(amount: Decimal, item_id: str) -> str:
    """Return a key in numeric order: `0000001990#<id>` for 19.90."""
    return f"{int(amount * 100):0{_DIGITS}}#{item_id}"


def text_key(text: str, item_id: str) -> str:
    """Return a key in code point order that ignores case, width and composition.

    The NUL, which no valid text contains, sorts "pear" before "pear tree" for all ids.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().encode()[:_TEXT_BYTES]
    return f"{folded.decode(errors='ignore')}\0{item_id}"


def shard_keys(name: str) -> Sequence[str]:
    """Return the partitions to read, of an index that all writers of a table would share."""
    return _first(max(_shards()), name)


def shard_keys_to_write(name: str) -> Sequence[str]:
    """Return the partitions to write: fewer than those to read while their number is raised."""
    return _first(_shards()[0], name)


def shard_key(name: str, item_id: str) -> str:
    """Return the partition to which an item is written: `pending#3`.

    After a change of their number, an item stays in its old partition until its keys are written.
    """
    keys = shard_keys_to_write(name)
    return keys[int.from_bytes(blake2s(item_id.encode(), digest_size=4).digest()) % len(keys)]


def _first(number: int, name: str) -> Sequence[str]:
    return [f"{name}#{shard}" for shard in range(number)]


def _shards() -> Sequence[int]:
    """Parse `4`, or `4,8`: 4 to write and 8 to read, so that readers know new shards first."""
    return [int(number) for number in setting("LIST_SHARDS").split(",")]
