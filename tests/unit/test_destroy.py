"""A stack is deleted only if its data is unprotected and its name is confirmed."""

from typing import Any  # a stub of clients

import pytest

from tools.destroy import NotDestroyable, destroy

UNPROTECTED = {"Stage": "staging", "DataProtection": "off", "DataDeletionPolicy": "Delete"}


class Stack:
    stack = "shop-staging"

    def __init__(self, **parameters: str) -> None:
        self._parameters = UNPROTECTED | parameters
        self.deleted: list[Any] = []

    def parameters(self) -> dict[str, str]:
        return self._parameters

    def client(self, service: str) -> "Stack":
        return self

    def delete_stack(self, StackName: str) -> None:
        self.deleted.append(StackName)

    def get_waiter(self, name: str) -> "Stack":
        assert name == "stack_delete_complete"
        return self

    def wait(self, StackName: str) -> None:
        assert self.deleted == [StackName]

    def delete_parameters(self, Names: list[str]) -> None:
        self.deleted += Names


def attempt(stack: Stack, typed: str) -> None:
    deployment: Any = stack
    destroy(deployment, lambda _: typed)


def test_stack_is_deleted_with_its_public_keys() -> None:
    stack = Stack()

    attempt(stack, "shop-staging\n")

    assert stack.deleted == ["shop-staging", "/shop-staging/jwks"]


@pytest.mark.parametrize(
    ("parameters", "typed"),
    [
        ({"Stage": "prod"}, "shop-staging"),
        ({"DataProtection": "on"}, "shop-staging"),
        ({"DataDeletionPolicy": "Retain"}, "shop-staging"),
        ({}, "y"),
        ({}, ""),
    ],
)
def test_protected_or_unconfirmed_stack_is_kept(parameters: dict[str, str], typed: str) -> None:
    stack = Stack(**parameters)

    with pytest.raises(NotDestroyable):
        attempt(stack, typed)
    assert stack.deleted == []
