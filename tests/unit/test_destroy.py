"""A stack is deleted with all its data, if its data is unprotected and its name is confirmed."""

from pathlib import Path
from typing import Any  # a stub of clients

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.support.sam_template import ROOT
from tools.destroy import NotDestroyable, NotDestroyed, destroy

UNPROTECTED = {"Stage": "staging", "DataProtection": "off"}
RESOURCES = (
    ("AWS::DynamoDB::Table", "UsersTable", "shop-staging-UsersTable-A"),
    ("AWS::DynamoDB::Table", "CountersTable", "shop-staging-CountersTable-B"),
    ("AWS::SecretsManager::Secret", "SigningKeysSecret", "arn:of:the:secret"),
)
SHOP, OPERATIONS = "shop-staging", "shop-staging-operations"


class Stack:
    """A deployment and every client of it."""

    stack = SHOP
    operations_stack = OPERATIONS
    environment = "staging"
    template: Path = ROOT / "template.yaml"

    def __init__(self, stacks: tuple[str, ...] = (SHOP, OPERATIONS), **parameters: str) -> None:
        self.configured = UNPROTECTED | parameters
        self.deleted: list[Any] = []
        self.tables = ["other-UsersTable-Z", "shop-staging-UsersTable-A"]
        self.secrets: list[Any] = []
        self.protected_table = ""
        self.is_termination_protected = False
        self.failing_stack = ""
        self._stacks = [*stacks]
        self._operation = ""

    def describe_stack(self, name: str) -> dict[str, Any] | None:
        protection = {"EnableTerminationProtection": self.is_termination_protected}
        return protection if name in self._stacks else None

    def parameters(self) -> dict[str, str]:
        return self.configured

    def client(self, service: str) -> "Stack":
        return self

    def resources(self, name: str = SHOP) -> list[dict[str, str]]:
        names = ("ResourceType", "LogicalResourceId", "PhysicalResourceId")
        found = [dict(zip(names, resource, strict=True)) for resource in RESOURCES]
        failed = {"ResourceStatus": "DELETE_FAILED", "ResourceStatusReason": "the bus has rules"}
        if name == self.failing_stack:
            return [found[0] | failed]
        return found

    def delete_stack(self, StackName: str) -> None:
        self.deleted.append(StackName)

    def get_waiter(self, name: str) -> "Stack":
        assert name == "stack_delete_complete"
        return self

    def wait(self, StackName: str) -> None:
        assert self.deleted[-1] == StackName
        if StackName == self.failing_stack:
            raise WaiterError("StackDeleteComplete", "DELETE_FAILED", {})

    def describe_table(self, TableName: str) -> Any:
        return {"Table": {"DeletionProtectionEnabled": TableName == self.protected_table}}

    def delete_table(self, TableName: str) -> None:
        self.deleted.append(TableName)

    def delete_secret(self, SecretId: str, ForceDeleteWithoutRecovery: bool) -> None:
        assert ForceDeleteWithoutRecovery
        self.deleted.append(SecretId)

    def delete_parameters(self, Names: list[str]) -> None:
        self.deleted += Names

    def get_paginator(self, operation: str) -> "Stack":
        self._operation = operation
        return self

    def paginate(self, logGroupNamePrefix: str = "") -> list[Any]:
        pages: dict[str, list[Any]] = {
            "describe_log_groups": [{"logGroups": [{"logGroupName": f"{logGroupNamePrefix}http"}]}],
            "list_tables": [{"TableNames": self.tables}],
            "list_secrets": [{"SecretList": self.secrets}],
        }
        return pages[self._operation]

    def delete_log_group(self, logGroupName: str) -> None:
        self.deleted.append(logGroupName)


def attempt(stack: Stack, typed: str = SHOP) -> str:
    """Destroy the stack, and return the question."""
    deployment: Any = stack
    questions: list[str] = []

    def answer(question: str) -> str:
        questions.append(question)
        return typed

    destroy(deployment, answer)
    return questions[0]


def test_both_stacks_are_deleted_with_all_that_outlives_them() -> None:
    stack = Stack()

    question = attempt(stack, "shop-staging\n")

    assert "table shop-staging-UsersTable-A" in question
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
@pytest.mark.parametrize("stacks", [(SHOP, OPERATIONS), ()])
def test_protected_or_unconfirmed_stack_is_kept(
    stacks: tuple[str, ...], parameters: dict[str, str], typed: str
) -> None:
    stack = Stack(stacks, **parameters)

    with pytest.raises(NotDestroyable):
        attempt(stack, typed)
    assert stack.deleted == []


def test_data_of_a_stack_that_is_gone_is_deleted_after_a_question() -> None:
    stack = Stack(stacks=())
    tag = {"Key": "aws:cloudformation:stack-name", "Value": SHOP}
    stack.secrets = [{"ARN": "arn:left", "Tags": [tag]}, {"ARN": "arn:of:others", "Tags": []}]

    question = attempt(stack)

    assert question.startswith("The stack shop-staging is gone.")
    assert stack.deleted == [
        *("shop-staging-UsersTable-A", "arn:left", "/shop-staging/jwks", "/shop-staging/http")
    ]


def test_tables_of_an_earlier_stack_are_named_before_they_are_deleted() -> None:
    stack = Stack()
    stack.tables.append("shop-staging-OrdersTable-OLD")

    assert "table shop-staging-OrdersTable-OLD" in attempt(stack)
    assert "shop-staging-OrdersTable-OLD" in stack.deleted


def test_table_with_deletion_protection_is_refused_before_anything_is_deleted() -> None:
    stack = Stack()
    stack.protected_table = "shop-staging-UsersTable-A"

    with pytest.raises(NotDestroyable, match=r"protection: shop-staging-UsersTable-A\."):
        attempt(stack)
    assert stack.deleted == []


def test_stack_with_termination_protection_is_refused_before_anything_is_deleted() -> None:
    stack = Stack()
    stack.is_termination_protected = True

    with pytest.raises(NotDestroyable, match="shop-staging-operations has termination protection"):
        attempt(stack)
    assert stack.deleted == []


def test_failed_deletion_names_the_resources_and_keeps_the_data() -> None:
    stack = Stack()
    stack.failing_stack = SHOP

    with pytest.raises(NotDestroyed) as failed:
        attempt(stack)

    assert "UsersTable: the bus has rules" in str(failed.value)
    assert "make destroy ENV=staging again" in str(failed.value)
    assert stack.deleted == [OPERATIONS, SHOP]


def test_deletion_resumes_after_one_stack_is_gone() -> None:
    stack = Stack(stacks=(SHOP,))

    attempt(stack)

    assert stack.deleted[:2] == [SHOP, "shop-staging-UsersTable-A"]


def test_table_that_is_gone_already_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack()

    def gone(TableName: str) -> None:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DeleteTable")

    monkeypatch.setattr(stack, "delete_table", gone)
    attempt(stack)

    assert stack.deleted[-1] == "/shop-staging/http"
