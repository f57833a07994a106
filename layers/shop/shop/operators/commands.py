"""What operators ask of functions by hand, as JSON."""

from typing import Annotated, ClassVar

from pydantic import Field

from shop.identity.accounts.models import UserStatus
from shop.schemas import Body, IdIn


class Command(Body):
    """Changes nothing until it is confirmed."""

    # As who invokes says; who it was in truth is in CloudTrail.
    operator: Annotated[str, Field(min_length=1, max_length=2048)]

    @property
    def action(self) -> str:
        """As `make` calls it."""
        raise NotImplementedError

    @property
    def is_confirmed(self) -> bool:
        raise NotImplementedError

    @property
    def subject(self) -> dict[str, str]:
        """Ids."""
        raise NotImplementedError


class OfUser(Command):
    user_id: IdIn
    confirm: bool = False

    @property
    def is_confirmed(self) -> bool:
        return self.confirm

    @property
    def subject(self) -> dict[str, str]:
        return {"user_id": self.user_id}


class StatusChange(OfUser):
    status: Annotated[UserStatus, Field(strict=False)]

    @property
    def action(self) -> str:
        return "deactivate-user" if self.status is UserStatus.INACTIVE else "activate-user"


class SessionsEnd(OfUser):
    action: ClassVar[str] = "end-sessions"


class MailAgain(Command):
    """Of an order, or without one the link that verifies an address."""

    action: ClassVar[str] = "resend-mail"
    user_id: IdIn
    order_id: IdIn | None = None
    confirm: Annotated[IdIn | None, Field(description="the id that the dry run gave")] = None

    @property
    def is_confirmed(self) -> bool:
        return self.confirm is not None

    @property
    def subject(self) -> dict[str, str]:
        ids = {"user_id": self.user_id, "order_id": self.order_id}
        return {name: id_ for name, id_ in ids.items() if id_ is not None}
