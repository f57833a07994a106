"""What functions ask IAM for is written down, whatever it says."""

import json

import httpx
import pytest

from tools.local_cloud.stack import LocalStack


def asked(stack: LocalStack, function: str) -> list[tuple[str, str, bool]]:
    """Actions, the resources' kinds and names, and whether it was allowed."""
    role = stack.resources()[f"{function}Role"]
    lines = stack.emulator.permission_log.read_text().splitlines()
    return [
        (it["action"], it["resource"].rpartition(":")[2], it["allowed"])
        for it in map(json.loads, lines)
        if it["role"] == role
    ]


@pytest.fixture
def table(stack: LocalStack) -> str:
    return f"table/{stack.resources()['Table']}"


def test_each_thing_that_a_function_asks_for_is_written_down_once(
    stack: LocalStack, api: httpx.Client, table: str
) -> None:
    for _ in range(2):
        api.get("/stored")

    assert asked(stack, "Stored") == [
        ("dynamodb:GetItem", table, True),
        ("dynamodb:PutItem", table, False),
    ]
