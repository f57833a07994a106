"""docs/events: the JSON Schema of each event type, generated from the code."""

import json
from pathlib import Path
from typing import Any, get_args

from pydantic.json_schema import GenerateJsonSchema

FOLDER = Path(__file__).parent.parent / "docs/events"


class _Untitled(GenerateJsonSchema):
    """A generator without field titles, which only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


# Any: values of JSON Schema.
def schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas by event type."""
    from shop.events.schemas import AnyEvent, WebhookPing

    found = {}
    for event in (*get_args(AnyEvent.__value__), WebhookPing):
        schema = event.model_json_schema(mode="serialization", schema_generator=_Untitled)
        found[event.name()] = {"$schema": _Untitled.schema_dialect, **schema}
    return found


def text_of(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def pages() -> dict[Path, str]:
    """Return the text of each file in docs/events."""
    return {FOLDER / f"{type_}.json": text_of(schema) for type_, schema in schemas().items()}
