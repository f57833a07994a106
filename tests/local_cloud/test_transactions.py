"""Patch of DynamoDB transactions."""

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tools.local_cloud.stack import LocalStack


def test_repeated_transaction_with_its_token_is_applied_once(stack: LocalStack) -> None:
    dynamodb, token = stack.client("dynamodb"), str(uuid4())
    table = stack.resources()["Table"]

    def write(price: str) -> None:
        item = {"id": {"S": token}, "price": {"N": price}}
        put: Any = {"TableName": table, "Item": item}
        put["ConditionExpression"] = "attribute_not_exists(id)"
        dynamodb.transact_write_items(TransactItems=[{"Put": put}], ClientRequestToken=token)

    for _ in range(3):
        write("19.90")
    with pytest.raises(ClientError) as rejected:
        write("19.80")

    assert rejected.value.response["Error"]["Code"] == "IdempotentParameterMismatchException"
