"""The caller of a request, as authenticated by the authorizer, and its client program."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Self

from shop.errors import Forbidden


class Role(StrEnum):
    CUSTOMER = "customer"
    ADMIN = "admin"


class Caller(NamedTuple):
    id: str
    session_id: str
    role: Role

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    def may_act_for(self, user_id: str) -> bool:
        """Return whether the caller is this user or an admin: the rule for data of one user."""
        return self.is_admin or self.id == user_id

    @classmethod
    def from_authorizer(cls, context: Mapping[str, str]) -> Self:
        """Read the authorizer's context; raise KeyError or ValueError if it is malformed."""
        return cls(context["sub"], context["sid"], Role(context["role"]))


class Client(NamedTuple):
    """The client program, as API Gateway reports it."""

    user_agent: str
    ip_address: str


def require(is_allowed: bool) -> None:
    """Raise `Forbidden` unless allowed; called before data of another user is read."""
    if not is_allowed:
        raise Forbidden
