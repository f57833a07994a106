"""IAM decisions on requests of functions are logged."""

import json

import httpx2
import pytest

from tools.local_cloud.stack import LocalStack


def logged(stack: LocalStack, function: str) -> list[tuple[str, str, bool]]:
    """Return action, resource and decision of each logged request of a function."""
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


def test_iam_decision_is_logged_once(stack: LocalStack, api: httpx2.Client, table: str) -> None:
    for _ in range(2):
        api.get("/stored")

    assert logged(stack, "Stored") == [
        ("dynamodb:GetItem", table, True),
        ("dynamodb:PutItem", table, False),
    ]
