"""Generator of the Python client: loosened schemas, and blocking code made of asynchronous code."""

import pytest

from tools.openapi.document import document
from tools.python_client.schemas import loosened
from tools.python_client.unasync import blocking

AMOUNT = document()["components"]["schemas"]["Product"]["properties"]["price"]
STATUS = {"enum": ["active", "inactive"], "type": "string"}
ANY = {"type": "string"}


def loose(schema: object, style: str = "response") -> object:
    schemas = {"It": {"type": "object", "properties": {"x": schema}}, "Status": STATUS}
    return loosened(schemas, ["It"], style)["It"]["properties"]["x"]


@pytest.mark.parametrize(
    ("schema", "loose_schema"),
    [
        ({"type": "string", "format": "uuid", "pattern": "x", "maxLength": 36}, ANY),
        ({"type": "string", "const": "Bearer", "default": "Bearer"}, ANY),
        ({"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}),
        ({"type": "integer", "minimum": 1, "format": "int32"}, {"type": "integer"}),
        (STATUS, {"anyOf": [STATUS, ANY]}),
        ({"$ref": "#/components/schemas/Status"}, {"anyOf": [STATUS, ANY]}),
        ({"type": "string", "enum": [f"C{it}" for it in range(160)]}, ANY),
        ({"type": ["string", "null"], "maxLength": 9}, {"anyOf": [ANY, {"type": "null"}]}),
        (
            {"type": "array", "items": {"$ref": "#/components/schemas/Status"}, "maxItems": 3},
            {"type": "array", "items": {"anyOf": [STATUS, ANY]}},
        ),
        (
            {"oneOf": [{"type": "integer", "minimum": 1}, {"$ref": "#/components/schemas/Status"}]},
            {"anyOf": [{"type": "integer"}, {"anyOf": [STATUS, ANY]}]},
        ),
        ({"description": "any JSON"}, {"description": "any JSON"}),
    ],
    ids=[
        *("id", "constant", "time", "integer", "enum", "reference", "currency", "null", "array"),
        *("choice", "anything"),
    ],
)
def test_schema_accepts_a_newer_api(schema: object, loose_schema: object) -> None:
    assert loose(schema) == loose_schema


def test_amount_is_a_decimal_number() -> None:
    decimal = {"type": "string", "format": "decimal"}

    assert loose(AMOUNT) == decimal
    assert loose(AMOUNT, "body") == {"anyOf": [decimal, ANY]}


def test_referenced_schemas_are_included() -> None:
    schemas = document()["components"]["schemas"]

    assert loosened(schemas, ["OrderPage"], "response").keys() == {
        *("Meta", "Order", "OrderLine", "OrderPage")
    }


def test_asynchronous_code_becomes_blocking() -> None:
    source = '''"""Asynchronous client."""

class AsyncShop:
    """Await `AsyncShop` in async code."""
    async def items(self) -> AsyncIterator[_AsyncItem]:
        async with self.lock:
            async for it in await self.load(await self.page()):
                yield it
    async def __aexit__(self) -> None:
        await self.aclose()
'''

    assert (
        blocking(source)
        == '''"""Blocking client.

Generated from _async.py by `make generate`.
"""

class Shop:
    """Await `AsyncShop` in async code."""
    def items(self) -> Iterator[_Item]:
        with self.lock:
            for it in self.load(self.page()):
                yield it
    def __exit__(self) -> None:
        self.close()
'''
    )
