"""A stack is deleted only if its data is unprotected and its name is confirmed."""

from typing import Any  # a stub of clients

import pytest

from tools.destroy import NotDestroyable, destroy

UNPROTECTED = {"Stage": "staging", "DataProtection": "off"}
RESOURCES = (
    ("AWS::DynamoDB::Table", "UsersTable", "shop-staging-UsersTable-A"),
    ("AWS::DynamoDB::Table", "CountersTable", "shop-staging-CountersTable-B"),
    ("AWS::SecretsManager::Secret", "SigningKeysSecret", "arn:of:the:secret"),
)


class Stack:
    """A deployment and every client of it."""

    stack = "shop-staging"
    operations_stack = "shop-staging-operations"

    def __init__(self, **parameters: str) -> None:
        self._parameters = UNPROTECTED | parameters
        self.deleted: list[Any] = []

    def parameters(self) -> dict[str, str]:
        return self._parameters

    def client(self, service: str) -> "Stack":
        return self

    def resources(self) -> list[dict[str, str]]:
        names = ("ResourceType", "LogicalResourceId", "PhysicalResourceId")
        return [dict(zip(names, resource, strict=True)) for resource in RESOURCES]

    def delete_stack(self, StackName: str) -> None:
        self.deleted.append(StackName)

    def get_waiter(self, name: str) -> "Stack":
        assert name == "stack_delete_complete"
        return self

    def wait(self, StackName: str) -> None:
        assert self.deleted[-1] == StackName

    def delete_table(self, TableName: str) -> None:
        self.deleted.append(TableName)

    def delete_secret(self, SecretId: str, ForceDeleteWithoutRecovery: bool) -> None:
        assert ForceDeleteWithoutRecovery
        self.deleted.append(SecretId)

    def delete_parameters(self, Names: list[str]) -> None:
        self.deleted += Names

    def get_paginator(self, operation: str) -> "Stack":
        assert operation == "describe_log_groups"
        return self

    def paginate(self, logGroupNamePrefix: str) -> list[Any]:
        return [{"logGroups": [{"logGroupName": f"{logGroupNamePrefix}http"}]}]

    def delete_log_group(self, logGroupName: str) -> None:
        self.deleted.append(logGroupName)


def attempt(stack: Stack, typed: str) -> None:
    deployment: Any = stack
    destroy(deployment, lambda _: typed)


def test_both_stacks_are_deleted_with_all_that_outlives_them() -> None:
    stack = Stack()

    attempt(stack, "shop-staging\n")

    assert stack.deleted == [
        *("shop-staging-operations", "shop-staging"),
        *("shop-staging-UsersTable-A", "arn:of:the:secret"),
        *("/shop-staging/jwks", "/shop-staging/http"),
    ]


@pytest.mark.parametrize(
    ("parameters", "typed"),
    [
        ({"Stage": "prod"}, "shop-staging"),
        ({"DataProtection": "on"}, "shop-staging"),
        ({}, "y"),
        ({}, ""),
    ],
)
def test_protected_or_unconfirmed_stack_is_kept(parameters: dict[str, str], typed: str) -> None:
    stack = Stack(**parameters)

    with pytest.raises(NotDestroyable):
        attempt(stack, typed)
    assert stack.deleted == []
