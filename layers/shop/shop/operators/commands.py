"""Operator commands, as JSON."""

from typing import Annotated, ClassVar

from pydantic import Field

from shop.http.request_models import Body, IdIn
from shop.identity.accounts.models import UserStatus


class Command(Body):
    """A command that changes nothing until it is confirmed."""

    # As the invoker claims; CloudTrail has the verified identity.
    operator: Annotated[str, Field(min_length=1, max_length=2048)]

    @property
    def action(self) -> str:
        """The target of `make`."""
        raise NotImplementedError

    @property
    def is_confirmed(self) -> bool:
        raise NotImplementedError

    @property
    def subject(self) -> dict[str, str]:
        """The ids of the affected resources."""
        raise NotImplementedError


class UserCommand(Command):
    user_id: IdIn
    confirm: bool = False

    @property
    def is_confirmed(self) -> bool:
        return self.confirm

    @property
    def subject(self) -> dict[str, str]:
        return {"user_id": self.user_id}


class StatusChange(UserCommand):
    status: Annotated[UserStatus, Field(strict=False)]

    @property
    def action(self) -> str:
        return "deactivate-user" if self.status is UserStatus.INACTIVE else "activate-user"


class EndSessions(UserCommand):
    action: ClassVar[str] = "end-sessions"


class ResetSecondFactors(UserCommand):
    action: ClassVar[str] = "reset-second-factors"


class ResendEmail(Command):
    """The email about an order, or without an order the verification link."""

    action: ClassVar[str] = "resend-mail"
    user_id: IdIn
    order_id: IdIn | None = None
    confirm: Annotated[IdIn | None, Field(description="the id from the dry run")] = None

    @property
    def is_confirmed(self) -> bool:
        return self.confirm is not None

    @property
    def subject(self) -> dict[str, str]:
        ids = {"user_id": self.user_id, "order_id": self.order_id}
        return {name: id_ for name, id_ in ids.items() if id_ is not None}
