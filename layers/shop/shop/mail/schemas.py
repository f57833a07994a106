"""Events as mail reads them: tolerant of what newer ones say besides."""

from typing import Annotated, Any  # an event's data is of many types

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shop.mail.models import Notification


class _Read(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", frozen=True, hide_input_in_errors=True
    )


class Envelope(_Read):
    """A CloudEvent of version 1.0."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    type: str
    time: AwareDatetime
    data: dict[str, Any]
    correlationid: str | None = None  # of the request that it began with

    def notice(self) -> Notification:
        return Notification(self.id, self.type, self.time, self.data)


class AboutUser(_Read):
    user_id: str


class AboutUpdate(AboutUser):
    version: int
    changed: frozenset[str] = frozenset()


class AboutOrder(AboutUser):
    order_id: str


class ToAddress(_Read):
    email: str
