"""The caller, as the authorizer knows who holds the token, and the program that calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from shop.errors import Forbidden


class Role(StrEnum):
    CUSTOMER = "customer"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    id: str
    session_id: str
    role: Role

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    def may_act_for(self, user_id: str) -> bool:
        """Self or admin: the rule of everything that lies below one user."""
        return self.is_admin or self.id == user_id

    @classmethod
    def from_authorizer(cls, context: Mapping[str, str]) -> Self:
        """Reads the authorizer's context; raises KeyError or ValueError where it is not ours."""
        return cls(context["sub"], context["sid"], Role(context["role"]))


@dataclass(frozen=True)
class Client:
    """The program that calls, as the gateway saw it."""

    user_agent: str
    ip_address: str


def require(allowed: bool) -> None:
    """Raises `Forbidden` unless allowed; asked before anything of another user is read."""
    if not allowed:
        raise Forbidden
