"""Types of response fields that several features share."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from shop.json_schema import JsonSchema
from shop.money import AMOUNT_PATTERN

# The document has an example for each kind of id.
Id = Annotated[str, JsonSchema(format="uuid", maxLength=36)]
Timestamp = Annotated[
    datetime, JsonSchema(format="date-time", examples=["2026-11-22T18:06:00.123Z"])
]
# The amount of money as a decimal string, beside its currency
AmountRead = Annotated[
    Decimal,
    JsonSchema(type="string", pattern=f"^{AMOUNT_PATTERN}$", maxLength=11, examples=["19.90"]),
]
CurrencyRead = Annotated[str, JsonSchema(pattern="^[A-Z]{3}$", maxLength=3, examples=["EUR"])]
NameRead = Annotated[str, JsonSchema(maxLength=100)]
NoteRead = Annotated[str, JsonSchema(maxLength=500)]
