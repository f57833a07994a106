"""DynamoDB Local is the store of these tests, and is reachable from this machine only."""

import os
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import boto3
import pytest

from tests.support.aws_mock import DYNAMODB_URL, fresh_aws

pytestmark = pytest.mark.dynamodb_local


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def test_tables_are_not_those_of_moto() -> None:
    table = boto3.client("dynamodb").describe_table(TableName="users_table")["Table"]

    assert table["TableArn"] == "arn:aws:dynamodb:ddblocal:000000000000:table/users_table"
    assert table["ItemCount"] == 0


@pytest.mark.parametrize("address", ["127.0.0.2", "::1"])
def test_dynamodb_local_listens_on_one_address_only(address: str) -> None:
    port = urlsplit(os.environ[DYNAMODB_URL]).port
    assert port

    with pytest.raises(OSError):
        socket.create_connection((address, port), timeout=5)
