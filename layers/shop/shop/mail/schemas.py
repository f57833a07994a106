"""Events as mail reads them: tolerant of what newer ones say besides."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any  # an event's data is of many types

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shop.clock import to_text
from shop.correlation import correlation_id
from shop.mail.models import Notice


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

    def notice(self) -> Notice:
        return Notice(self.id, self.type, self.time, self.data)


class AboutUser(_Read):
    user_id: str


class AboutUpdate(AboutUser):
    version: int
    changed: frozenset[str] = frozenset()


class AboutOrder(AboutUser):
    order_id: str


class ToAddress(_Read):
    email: str


def wish(id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> dict[str, object]:
    """Of a mail, in the form in which events come."""
    event = {
        "specversion": "1.0",
        "id": id_,
        "source": "/shop",
        "type": type_,
        "time": to_text(time),
        "data": dict(data),
        "correlationid": correlation_id.get(),
    }
    return {"detail": event}
