"""Write actions: DynamoDB expressions built from attribute names and values.

Every attribute name goes through a placeholder, so reserved words need no special case:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
A name may be a path into a list, such as `search_writes[0].writer`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple  # attributes have any type

from shop.dynamo.codec import Item, encode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

    type Actions = Mapping[str, Action]


class Increment(NamedTuple):
    """An addition to a number that the item has; `adds` of `update` also creates the number."""

    by: int


class Append(NamedTuple):
    """Values to add to the end of a list that the item has."""

    values: Sequence[Any]


class _Placeholders:
    """One call binds many attributes: a warm request builds dozens of terms."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: Item = {}
        self._next = 0

    def terms(self, attributes: Mapping[str, Any], operator: str) -> list[str]:
        """Return a term for each attribute: its name, the operator, and its value."""
        terms: list[str] = []
        for path, value in attributes.items():
            name = f"#{path}"
            if "." in path or "[" in path or "-" in path:
                name = self.name(path)
            else:
                self.names[name] = path
            placeholder = f":{self._next}"
            self._next += 1
            term = f"{name}{operator}{placeholder}"
            if type(value) is Increment:
                term, value = f"{name}{operator}{name} + {placeholder}", value.by
            elif type(value) is Append:
                term = f"{name}{operator}list_append({name}, {placeholder})"
                value = value.values
            self.values[placeholder] = value
            terms += [term]
        return terms

    def name(self, path: str) -> str:
        if "." in path or "[" in path:
            return ".".join([self._segment(segment) for segment in path.split(".")])
        # A placeholder has no hyphen. A status of newer code is an attribute and may have one.
        placeholder = f"#{len(self.names)}" if "-" in path else f"#{path}"
        self.names[placeholder] = path
        return placeholder

    def value(self, value: Any) -> str:
        placeholder = f":{self._next}"
        self._next += 1
        self.values[placeholder] = value
        return placeholder

    def _segment(self, segment: str) -> str:
        attribute, bracket, index = segment.partition("[")
        return f"{self.name(attribute)}{bracket}{index}"


type Condition = Callable[[_Placeholders], str]


def equals(**attributes: Any) -> Condition:
    return lambda p: " AND ".join(p.terms(attributes, " = "))


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
    """Negate a condition of one comparison or function: `NOT` binds more tightly than `AND`."""
    return lambda p: f"NOT {condition(p)}"


def all_of(*conditions: Condition) -> Condition:
    """Join conditions without parentheses: `AND` binds more tightly than `OR`."""
    return lambda p: " AND ".join([condition(p) for condition in conditions])


def any_of(*conditions: Condition) -> Condition:
    return lambda p: f"({' OR '.join([condition(p) for condition in conditions])})"


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
    is_old_returned: bool = False,
) -> "Action":
    """Change the attributes of one item, in one request.

    `sets` replaces values, or changes them by an `Increment` or `Append`; `adds` adds to numbers
    that may not exist yet; `removes` deletes attributes. `is_old_returned` makes a failed condition
    return the stored item.
    """
    placeholders = _Placeholders()
    clauses = []
    if adds:
        clauses += [f"ADD {', '.join(placeholders.terms(adds, ' '))}"]
    if sets:
        clauses += [f"SET {', '.join(placeholders.terms(sets, ' = '))}"]
    if removes:
        clauses += [f"REMOVE {', '.join(map(placeholders.name, removes))}"]
    request = {"TableName": table, "Key": encode(key), "UpdateExpression": " ".join(clauses)}
    condition = _condition(placeholders, conditions)
    return _action("Update", request, condition, placeholders, is_old_returned)


def delete(table: str, key: Item, *conditions: Condition) -> "Action":
    placeholders = _Placeholders()
    condition = _condition(placeholders, conditions)
    return _action("Delete", {"TableName": table, "Key": encode(key)}, condition, placeholders)


def check(table: str, key: Item, *conditions: Condition, is_old_returned: bool = False) -> "Action":
    """Fail the transaction unless the conditions hold; write nothing."""
    placeholders = _Placeholders()
    condition = _condition(placeholders, conditions)
    request = {"TableName": table, "Key": encode(key)}
    return _action("ConditionCheck", request, condition, placeholders, is_old_returned)


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
    is_old_returned: bool = False,
) -> "Action":
    attributes = {**request, **condition}
    if placeholders.names:
        attributes["ExpressionAttributeNames"] = placeholders.names
    if placeholders.values:
        attributes["ExpressionAttributeValues"] = encode(placeholders.values)
    if is_old_returned:
        attributes["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    action: Any = {kind: attributes}
    written: Action = action
    return written
