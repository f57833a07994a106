"""Write actions: DynamoDB expressions built from attribute names and values.

Every attribute name goes through a placeholder, so reserved words need no special case:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal  # `Any`: an attribute has any type DynamoDB has

from shop.dynamo.codec import Item, encode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

    type Actions = Mapping[str, Action]


@dataclass(frozen=True)
class Increment:
    """Adds to a number that the item has; `add` of `update` also begins at 0."""

    by: int


@dataclass
class _Placeholders:
    names: dict[str, str] = field(default_factory=dict)
    values: Item = field(default_factory=dict)

    def name(self, attribute: str) -> str:
        self.names[f"#{attribute}"] = attribute
        return f"#{attribute}"

    def value(self, value: Any) -> str:
        placeholder = f":{len(self.values)}"
        self.values[placeholder] = value
        return placeholder


type Condition = Callable[[_Placeholders], str]


def equals(**attributes: Any) -> Condition:
    return lambda p: " AND ".join(f"{p.name(n)} = {p.value(v)}" for n, v in attributes.items())


def compares(attribute: str, operator: Literal["<", "<=", ">", ">="], value: Any) -> Condition:
    return lambda p: f"{p.name(attribute)} {operator} {p.value(value)}"


def exists(attribute: str) -> Condition:
    return lambda p: f"attribute_exists({p.name(attribute)})"


def absent(attribute: str) -> Condition:
    return lambda p: f"attribute_not_exists({p.name(attribute)})"


def is_number(attribute: str) -> Condition:
    return lambda p: f"attribute_type({p.name(attribute)}, {p.value('N')})"


def is_no_number(attribute: str) -> Condition:
    return lambda p: f"NOT attribute_type({p.name(attribute)}, {p.value('N')})"


def any_of(*conditions: Condition) -> Condition:
    return lambda p: f"({' OR '.join(condition(p) for condition in conditions)})"


def put(table: str, item: Item, *conditions: Condition) -> "Action":
    placeholders = _Placeholders()
    condition = _condition(placeholders, conditions)
    return _action("Put", {"TableName": table, "Item": encode(item)}, condition, placeholders)


def update(
    table: str,
    key: Item,
    *conditions: Condition,
    sets: Mapping[str, Any] | None = None,
    adds: Mapping[str, int] | None = None,
    returns_old: bool = False,
) -> "Action":
    """Set attributes to values or increments, and add to numbers that may not exist yet.

    `returns_old` has the item come back where a condition fails.
    """
    placeholders = _Placeholders()
    clauses = []
    if adds:
        terms = (f"{placeholders.name(n)} {placeholders.value(v)}" for n, v in adds.items())
        clauses.append(f"ADD {', '.join(terms)}")
    if sets:
        terms = (f"{placeholders.name(n)} = {_term(placeholders, n, v)}" for n, v in sets.items())
        clauses.append(f"SET {', '.join(terms)}")
    request = {"TableName": table, "Key": encode(key), "UpdateExpression": " ".join(clauses)}
    condition = _condition(placeholders, conditions)
    return _action("Update", request, condition, placeholders, returns_old)


def delete(table: str, key: Item, *conditions: Condition) -> "Action":
    placeholders = _Placeholders()
    condition = _condition(placeholders, conditions)
    return _action("Delete", {"TableName": table, "Key": encode(key)}, condition, placeholders)


def check(table: str, key: Item, *conditions: Condition, returns_old: bool = False) -> "Action":
    """Fail the transaction unless the conditions hold; write nothing."""
    placeholders = _Placeholders()
    condition = _condition(placeholders, conditions)
    request = {"TableName": table, "Key": encode(key)}
    return _action("ConditionCheck", request, condition, placeholders, returns_old)


def _term(placeholders: _Placeholders, attribute: str, value: Any) -> str:
    if isinstance(value, Increment):
        return f"{placeholders.name(attribute)} + {placeholders.value(value.by)}"
    return placeholders.value(value)


def _condition(placeholders: _Placeholders, conditions: tuple[Condition, ...]) -> dict[str, Any]:
    if not conditions:
        return {}
    terms = [condition(placeholders) for condition in conditions]
    return {"ConditionExpression": " AND ".join(terms)}


def _action(
    kind: str,
    request: Mapping[str, Any],
    condition: Mapping[str, Any],
    placeholders: _Placeholders,
    returns_old: bool = False,
) -> "Action":
    names = {"ExpressionAttributeNames": placeholders.names} if placeholders.names else {}
    values = {"ExpressionAttributeValues": encode(placeholders.values)}
    old = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if returns_old else {}
    action: Any = {
        kind: {**request, **condition, **names, **(values if placeholders.values else {}), **old}
    }
    written: Action = action
    return written
