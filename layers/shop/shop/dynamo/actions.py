"""Write actions: DynamoDB expressions built from attribute names and values.

Every attribute name goes through a placeholder, so reserved words need no special case:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
A name may be a path into a list, such as `search_writes[0].writer`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal  # `Any`: an attribute has any type DynamoDB has

from shop.dynamo.codec import Item, encode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

    type Actions = Mapping[str, Action]


@dataclass(frozen=True)
class Increment:
    """An addition to a number that the item has; `adds` of `update` also creates the number."""

    by: int


@dataclass(frozen=True)
class Append:
    """Values to add to the end of a list that the item has."""

    values: Sequence[Any]


@dataclass
class _Placeholders:
    names: dict[str, str] = field(default_factory=dict)
    values: Item = field(default_factory=dict)

    def name(self, path: str) -> str:
        return ".".join(map(self._segment, path.split(".")))

    def value(self, value: Any) -> str:
        placeholder = f":{len(self.values)}"
        self.values[placeholder] = value
        return placeholder

    def _segment(self, segment: str) -> str:
        attribute, bracket, index = segment.partition("[")
        self.names[f"#{attribute}"] = attribute
        return f"#{attribute}{bracket}{index}"


type Condition = Callable[[_Placeholders], str]


def equals(**attributes: Any) -> Condition:
    return all_of(*(compares(name, "=", value) for name, value in attributes.items()))


def compares(attribute: str, operator: Literal["=", "<", "<=", ">", ">="], value: Any) -> Condition:
    return lambda p: f"{p.name(attribute)} {operator} {p.value(value)}"


def exists(attribute: str) -> Condition:
    return lambda p: f"attribute_exists({p.name(attribute)})"


def absent(attribute: str) -> Condition:
    return lambda p: f"attribute_not_exists({p.name(attribute)})"


def has_type(attribute: str, attribute_type: Literal["S", "N"]) -> Condition:
    return lambda p: f"attribute_type({p.name(attribute)}, {p.value(attribute_type)})"


def contains(attribute: str, element: Any) -> Condition:
    return lambda p: f"contains({p.name(attribute)}, {p.value(element)})"


def size_below(attribute: str, limit: int) -> Condition:
    return lambda p: f"size({p.name(attribute)}) < {p.value(limit)}"


def negated(condition: Condition) -> Condition:
    """`condition` is one comparison or function: `NOT` binds more tightly than `AND`."""
    return lambda p: f"NOT {condition(p)}"


def all_of(*conditions: Condition) -> Condition:
    """Without parentheses: `AND` binds more tightly than `OR`."""
    return lambda p: " AND ".join(condition(p) for condition in conditions)


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
    removes: Sequence[str] = (),
    returns_old: bool = False,
) -> "Action":
    """Change the attributes of one item, in one request.

    `sets` replaces values, or changes them by an `Increment` or `Append`; `adds` adds to numbers
    that may not exist yet; `removes` deletes attributes. `returns_old` makes a failed condition
    return the stored item.
    """
    placeholders = _Placeholders()
    clauses = []
    if adds:
        terms = (f"{placeholders.name(n)} {placeholders.value(v)}" for n, v in adds.items())
        clauses.append(f"ADD {', '.join(terms)}")
    if sets:
        terms = (f"{placeholders.name(n)} = {_term(placeholders, n, v)}" for n, v in sets.items())
        clauses.append(f"SET {', '.join(terms)}")
    if removes:
        clauses.append(f"REMOVE {', '.join(map(placeholders.name, removes))}")
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
    if isinstance(value, Append):
        return f"list_append({placeholders.name(attribute)}, {placeholders.value(value.values)})"
    return placeholders.value(value)


def _condition(placeholders: _Placeholders, conditions: tuple[Condition, ...]) -> dict[str, Any]:
    if not conditions:
        return {}
    return {"ConditionExpression": all_of(*conditions)(placeholders)}


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
