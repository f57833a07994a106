"""Events as email reads them; unknown fields of newer events are ignored."""

from typing import Annotated, Any  # the data of an event has values of many types

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shop.json_names import to_camel
from shop.mail.models import Notification


class _TolerantModel(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", frozen=True, hide_input_in_errors=True
    )


class Envelope(_TolerantModel):
    """A CloudEvent of version 1.0."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    type: str
    time: AwareDatetime
    data: dict[str, Any]
    correlationid: str | None = None  # the id of the request that caused the event

    def notification(self) -> Notification:
        return Notification(self.id, self.type, self.time, self.data)


class UserReference(_TolerantModel):
    user_id: str


class UpdateReference(UserReference):
    version: int
    changed: frozenset[str] = frozenset()


class OrderReference(UserReference):
    order_id: str


class AddressReference(_TolerantModel):
    email: str


class SecondFactorReference(UserReference):
    change: str
    kind: str


class DisabledEndpointReference(UserReference):
    host: str
    reason: str
