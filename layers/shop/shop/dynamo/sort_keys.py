"""Keys that put items in order: each ends with the item's id, so that no two are equal."""

import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2s

from shop.config import setting

_TEXT_BYTES = 256  # of a text that order; a sort key may have 1,024 in all
# People may write the last code point too: a text of nothing else is cut off one short of this.
AFTER_EVERY_TEXT = "\U0010ffff" * (_TEXT_BYTES // len("\U0010ffff".encode()) + 1)
_DIGITS = 10  # of an amount in hundredths, the largest being 99999999.99


def amount_key(amount: Decimal, item_id: str) -> str:
    """In the order of the numbers: `0000001990#<id>` for 19.90."""
    return f"{int(amount * 100):0{_DIGITS}}#{item_id}"


def text_key(text: str, item_id: str) -> str:
    """In the order of the code points, without regard to case, width or composition.

    The NUL, which no text of ours holds, puts "pear" before "pear tree" whatever the ids.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().encode()[:_TEXT_BYTES]
    return f"{folded.decode(errors='ignore')}\0{item_id}"


def shard_keys(name: str) -> Sequence[str]:
    """The partitions over which an index is spread that all writers of a table share."""
    return _first(max(_shards()), name)


def shard_keys_to_write(name: str) -> Sequence[str]:
    """Those of them that writers use: fewer, while their number is being raised."""
    return _first(_shards()[0], name)


def shard_key(name: str, item_id: str) -> str:
    """The one of them that an item is written to: `pending#3`.

    One that was written to before stays, and is read there, until the item is written again.
    """
    keys = shard_keys_to_write(name)
    return keys[int.from_bytes(blake2s(item_id.encode(), digest_size=4).digest()) % len(keys)]


def _first(number: int, name: str) -> Sequence[str]:
    return [f"{name}#{shard}" for shard in range(number)]


def _shards() -> Sequence[int]:
    """`4`, or `4,8` where 4 are written and 8 are read, so that who reads knows them first."""
    return [int(number) for number in setting("LIST_SHARDS").split(",")]
