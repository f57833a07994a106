"""Event schemas are documented, and readers of an old version can read every later one."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from shop.events.schemas import OrderPlaced
from tests.support.stream_events import ORDER, of_order
from tools.event_schemas import schemas

# Events as first published, per type and version; never rewritten.
FIRST = {path.stem: path for path in (Path(__file__).parent / "first_events").glob("*.json")}

type Schema = dict[str, Any]


def breaks(old: Schema, new: Schema) -> list[str]:
    """Return the places at which a reader of the old schema may fail on the new one."""
    return list(_breaks(old, new, old, new, ""))


def _breaks(old: Schema, new: Schema, olds: Schema, news: Schema, at: str) -> Iterator[str]:
    old, new = _resolved(old, olds), _resolved(new, news)
    for word in ("type", "const", "pattern", "format", "minimum"):
        if old.get(word) != new.get(word):
            yield f"{at}: {word}"
    if not set(new.get("enum", ())) <= set(old.get("enum") or new.get("enum", ())):
        yield f"{at}: enum"
    if old.get("additionalProperties") is False:
        yield f"{at}: unknown fields are rejected"
    yield from (f"{at}.{it}" for it in set(old.get("required", ())) - set(new.get("required", ())))
    for name, schema in old.get("properties", {}).items():
        if name in new["properties"]:
            yield from _breaks(schema, new["properties"][name], olds, news, f"{at}.{name}")
    if "items" in old:
        yield from _breaks(old["items"], new["items"], olds, news, f"{at}[]")


def _resolved(schema: Schema, whole: Schema) -> Schema:
    if "$ref" in schema:
        found: Schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def test_published_event_types_stay() -> None:
    assert set(schemas()) >= set(FIRST), "types of events stay, since consumers rely on them"


@pytest.mark.parametrize("type_", sorted(FIRST))
def test_reader_of_the_first_events_reads_the_current_ones(type_: str) -> None:
    assert breaks(json.loads(FIRST[type_].read_text()), schemas()[type_]) == []


def test_removed_changed_or_optional_field_breaks_readers_and_a_new_one_does_not() -> None:
    old = schemas()["order.placed"]
    new = deepcopy(old)
    data = new["$defs"]["OrderData"]

    data["properties"]["coupon"] = {"type": "string"}
    assert breaks(old, new) == []

    data["required"].remove("total")
    data["properties"]["currency"]["type"] = "integer"
    del new["$defs"]["OrderItem"]["properties"]["quantity"]
    new["$defs"]["OrderItem"]["required"].remove("quantity")
    new["$defs"]["OrderStatus"]["enum"].append("lost")
    assert sorted(breaks(old, new)) == [
        ".data.currency: type",
        ".data.items[].quantity",
        ".data.status: enum",
        ".data.total",
    ]


def test_reader_ignores_unknown_fields() -> None:
    placed = of_order(None, ORDER)
    assert isinstance(placed, OrderPlaced)
    newer = json.loads(placed.to_json())
    newer["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    newer["data"]["coupon"] = "PLUM"
    newer["data"]["items"][0]["unitPrice"] = "2.50"

    assert OrderPlaced.model_validate(newer) == placed
