"""The caller of a request, as authenticated by the authorizer, and its client program.

A caller with an `app` has an access token of OAuth: a third-party application acts, for a user or
for itself.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Self

from shop.errors import Detail, Forbidden, InsufficientScope


class Role(StrEnum):
    CUSTOMER = "customer"
    ADMIN = "admin"


class App(NamedTuple):
    """A third-party application, and what its access token allows."""

    client_id: str
    scopes: frozenset[str]
    is_for_user: bool  # False for an application that acts for itself


class Caller(NamedTuple):
    id: str  # of a user, or of the client that acts for itself
    session_id: str  # the token family of an app
    role: Role
    app: App | None = None

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def admin_id(self) -> str | None:
        """The user whose role a write by an admin verifies; None for a client of its own."""
        return None if self.app is not None and not self.app.is_for_user else self.id

    def within(self, scope: str | None, admin_scope: str | None) -> Self:
        """Return the caller as an endpoint with these scopes may see it.

        The app of an admin reads as an admin only with the admin scope. With the other one it
        reads the admin's own data, like a customer's app. Raise `InsufficientScope` with neither.
        """
        if self.app is None:
            return self
        if self.is_admin and admin_scope in self.app.scopes:
            return self
        if self.app.is_for_user and scope in self.app.scopes:
            return self._replace(role=Role.CUSTOMER)
        missing = scope or admin_scope
        field, code = "header.authorization", "insufficient_scope"
        raise InsufficientScope(details=[Detail(field, code, missing)] if missing else [])

    def may_act_for(self, user_id: str) -> bool:
        """Return whether the caller is this user or an admin: the rule for data of one user."""
        return self.is_admin or self.id == user_id

    @classmethod
    def from_authorizer(cls, context: Mapping[str, str]) -> Self:
        """Read the authorizer's context; raise KeyError or ValueError if it is malformed.

        The context of an app has other keys than that of a session, so that earlier versions of a
        function, which know no scopes, reject it.
        """
        if "client" not in context:
            return cls(context["sub"], context["sid"], Role(context["role"]))
        client_id, user_id = context["client"], context["user"]
        app = App(client_id, frozenset(context["scope"].split()), is_for_user=user_id != "")
        return cls(user_id or client_id, context["family"], Role(context["gate_role"]), app)


class Client(NamedTuple):
    """The client program, as API Gateway reports it."""

    user_agent: str
    ip_address: str


def require(is_allowed: bool) -> None:
    """Raise `Forbidden` unless allowed; called before data of another user is read."""
    if not is_allowed:
        raise Forbidden
