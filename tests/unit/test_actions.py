"""Write actions: the expression, names and values of each builder function, and moto's verdict."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from shop.clients import dynamodb
from shop.dynamo import actions, tables
from shop.dynamo.actions import (
    Append,
    Condition,
    Increment,
    absent,
    all_of,
    any_of,
    compares,
    contains,
    equals,
    exists,
    has_type,
    negated,
    size_below,
)
from shop.dynamo.codec import Item, decode, encode
from tests.support.aws_mock import fresh_aws

KEY: Item = {"id": "total"}
STORED: Item = KEY | {
    "count": Decimal(3),
    "status": "active",
    "note": None,
    "writes": [{"writer": "a"}],
}


@pytest.fixture
def table() -> Iterator[str]:
    with fresh_aws():
        dynamodb().put_item(TableName=tables.counters(), Item=encode(STORED))
        yield tables.counters()


def stored(table: str) -> Item | None:
    found = dynamodb().get_item(TableName=table, Key=encode(KEY))
    return decode(found["Item"]) if "Item" in found else None


def write(action: Any) -> None:
    dynamodb().transact_write_items(TransactItems=[action])


CONDITIONS: list[tuple[Condition, str, dict[str, str], Item, bool]] = [
    (equals(status="active"), "#status = :0", {"#status": "status"}, {":0": "active"}, True),
    (
        equals(status="active", count=4),
        "#status = :0 AND #count = :1",
        {"#status": "status", "#count": "count"},
        {":0": "active", ":1": 4},
        False,
    ),
    (equals(note=None), "#note = :0", {"#note": "note"}, {":0": None}, True),
    (
        equals(**{"writes[0].writer": "a"}),
        "#writes[0].#writer = :0",
        {"#writes": "writes", "#writer": "writer"},
        {":0": "a"},
        True,
    ),
    (equals(**{"on-hold": 1}), "#0 = :0", {"#0": "on-hold"}, {":0": 1}, False),
    (compares("count", ">=", 3), "#count >= :0", {"#count": "count"}, {":0": 3}, True),
    (compares("count", "<", 3), "#count < :0", {"#count": "count"}, {":0": 3}, False),
    (compares("note", "<=", 3), "#note <= :0", {"#note": "note"}, {":0": 3}, False),
    (exists("status"), "attribute_exists(#status)", {"#status": "status"}, {}, True),
    (absent("ttl"), "attribute_not_exists(#ttl)", {"#ttl": "ttl"}, {}, True),
    (
        has_type("count", "N"),
        "attribute_type(#count, :0)",
        {"#count": "count"},
        {":0": "N"},
        True,
    ),
    (
        negated(has_type("note", "S")),
        "NOT attribute_type(#note, :0)",
        {"#note": "note"},
        {":0": "S"},
        True,
    ),
    (
        contains("writes", {"writer": "b"}),
        "contains(#writes, :0)",
        {"#writes": "writes"},
        {":0": {"writer": "b"}},
        False,
    ),
    (size_below("writes", 2), "size(#writes) < :0", {"#writes": "writes"}, {":0": 2}, True),
    (
        all_of(exists("id"), any_of(equals(count=1), absent("note"))),
        "attribute_exists(#id) AND (#count = :0 OR attribute_not_exists(#note))",
        {"#id": "id", "#count": "count", "#note": "note"},
        {":0": 1},
        False,
    ),
]


@pytest.mark.parametrize(
    ("condition", "expression", "names", "values", "holds"),
    CONDITIONS,
    ids=[expression for _, expression, *_ in CONDITIONS],
)
def test_condition_has_its_expression_and_decides_the_write(
    table: str,
    condition: Condition,
    expression: str,
    names: dict[str, str],
    values: Item,
    holds: bool,
) -> None:
    action = actions.check(table, KEY, condition)

    assert action["ConditionCheck"] == {
        "TableName": table,
        "Key": encode(KEY),
        "ConditionExpression": expression,
        "ExpressionAttributeNames": names,
        **({"ExpressionAttributeValues": encode(values)} if values else {}),
    }
    if holds:
        write(action)
    else:
        with pytest.raises(dynamodb().exceptions.TransactionCanceledException):
            write(action)


def test_update_has_one_clause_for_each_kind_of_change(table: str) -> None:
    action = actions.update(
        table,
        KEY,
        equals(status="active"),
        exists("id"),
        sets={
            "status": "sold",
            "version": 2,
            "count": Increment(-1),
            "writes": Append([{"writer": "b"}]),
        },
        adds={"changes": 1},
        removes=["note"],
    )

    assert action["Update"] == {
        "TableName": table,
        "Key": encode(KEY),
        "UpdateExpression": (
            "ADD #changes :0 SET #status = :1, #version = :2, #count = #count + :3,"
            " #writes = list_append(#writes, :4) REMOVE #note"
        ),
        "ConditionExpression": "#status = :5 AND attribute_exists(#id)",
        "ExpressionAttributeNames": {
            **{"#changes": "changes", "#status": "status", "#version": "version"},
            **{"#count": "count", "#writes": "writes", "#note": "note", "#id": "id"},
        },
        "ExpressionAttributeValues": encode(
            {":0": 1, ":1": "sold", ":2": 2, ":3": -1, ":4": [{"writer": "b"}], ":5": "active"}
        ),
    }
    write(action)
    assert stored(table) == KEY | {
        "status": "sold",
        "version": 2,
        "count": 2,
        "changes": 1,
        "writes": [{"writer": "a"}, {"writer": "b"}],
    }


def test_update_without_conditions_has_no_condition_expression(table: str) -> None:
    update = actions.update(table, KEY, sets={"status": "sold"})["Update"]

    assert update == {
        "TableName": table,
        "Key": encode(KEY),
        "UpdateExpression": "SET #status = :0",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": encode({":0": "sold"}),
    }
    dynamodb().update_item(**update)
    assert stored(table) == STORED | {"status": "sold"}


def test_action_that_returns_old_asks_for_the_stored_item(table: str) -> None:
    update = actions.update(table, KEY, exists("ttl"), adds={"count": 1}, is_old_returned=True)
    check = actions.check(table, KEY, exists("ttl"), is_old_returned=True)

    assert update["Update"]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
    assert check["ConditionCheck"]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
    with pytest.raises(dynamodb().exceptions.ConditionalCheckFailedException) as failed:
        dynamodb().update_item(**update["Update"])
    response: Any = failed.value.response
    assert decode(response["Item"]) == STORED


def test_put_stores_the_item_under_its_condition(table: str) -> None:
    new = KEY | {"status": "new"}
    action = actions.put(table, new, exists("id"))

    assert action == {
        "Put": {
            "TableName": table,
            "Item": encode(new),
            "ConditionExpression": "attribute_exists(#id)",
            "ExpressionAttributeNames": {"#id": "id"},
        }
    }
    write(action)
    assert stored(table) == new
    assert actions.put(table, new) == {"Put": {"TableName": table, "Item": encode(new)}}


def test_delete_removes_the_item_under_its_condition(table: str) -> None:
    action = actions.delete(table, KEY, equals(count=3))

    assert action == {
        "Delete": {
            "TableName": table,
            "Key": encode(KEY),
            "ConditionExpression": "#count = :0",
            "ExpressionAttributeNames": {"#count": "count"},
            "ExpressionAttributeValues": encode({":0": 3}),
        }
    }
    write(action)
    assert stored(table) is None
