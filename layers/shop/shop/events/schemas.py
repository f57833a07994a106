"""Events on the bus: CloudEvents 1.0, one class per type.

A type may get new optional fields, which older readers ignore. Removing a field or changing its
meaning requires a new version of the type's data, which `dataschema` names.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self, get_args
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from shop.clock import to_text
from shop.json_names import to_camel
from shop.money_fields import Amount
from shop.orders.models import OrderStatus

_Timestamp = Annotated[
    datetime,
    PlainSerializer(to_text, return_type=str),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-11-22T18:06:00.123Z"]}
    ),
]


class _EventModel(BaseModel):
    """Data that may be kept forever, since events cannot be recalled: ids, but no names,
    addresses, emails, notes or tokens.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


class UserData(_EventModel):
    user_id: str
    version: Annotated[int, Field(ge=1, description="Of the user; rises with each change")]


class UserChange(UserData):
    changed: Annotated[list[str], Field(description="Names of fields, as the API has them")]


class OrderItem(_EventModel):
    product_id: str
    quantity: int


class OrderData(_EventModel):
    order_id: str
    user_id: str
    version: Annotated[int, Field(ge=1, description="Of the order; rises with each change")]
    status: OrderStatus
    currency: str
    total: Amount
    items: list[OrderItem]


class EndpointData(_EventModel):
    endpoint_id: str


class _CloudEvent[Data: _EventModel](_EventModel):
    data_version: ClassVar[int] = 1

    specversion: Literal["1.0"]
    id: Annotated[str, Field(description="The same for every delivery of this change")]
    source: Literal["/shop"]
    type: str
    subject: Annotated[str, Field(description="The id of the user or order")]
    time: _Timestamp
    datacontenttype: Literal["application/json"]
    dataschema: Annotated[str, Field(description="Type and version of the data")]
    # An extension attribute, absent outside an HTTP request: CloudEvents does not allow null.
    correlationid: Annotated[
        str | None,
        WithJsonSchema({"type": "string"}),
        Field(
            description="The id of the request that led to the change",
            json_schema_extra=lambda schema: schema.pop("default"),
        ),
    ] = None
    data: Data

    @classmethod
    def name(cls) -> str:
        """Return the type of the events of this class."""
        name: str = get_args(cls.model_fields["type"].annotation)[0]
        return name

    def to_json(self) -> str:
        return self.model_dump_json(exclude_none=True)


class Event[Data: UserData | OrderData](_CloudEvent[Data]):
    @classmethod
    def of(cls, subject: str, at: datetime, correlation_id: str | None, data: Data) -> Self:
        """Create an event; raise `ValueError` for a `subject` that is not a UUID."""
        type_ = cls.name()
        return cls(
            specversion="1.0",
            id=str(uuid5(UUID(subject), f"{type_} {data.version}")),
            source="/shop",
            type=type_,
            subject=subject,
            time=at,
            datacontenttype="application/json",
            dataschema=f"urn:shop:event:{type_}:{cls.data_version}",
            correlationid=correlation_id,
            data=data,
        )


class UserRegistered(Event[UserData]):
    type: Literal["user.registered"]


class UserUpdated(Event[UserChange]):
    type: Literal["user.updated"]


class UserPasswordChanged(Event[UserData]):
    type: Literal["user.password_changed"]


class UserDeactivated(Event[UserChange]):
    type: Literal["user.deactivated"]


class UserDeleted(Event[UserData]):
    type: Literal["user.deleted"]


class OrderPlaced(Event[OrderData]):
    type: Literal["order.placed"]


class OrderProcessing(Event[OrderData]):
    type: Literal["order.processing"]


class OrderCompleted(Event[OrderData]):
    type: Literal["order.completed"]


class OrderCancelled(Event[OrderData]):
    type: Literal["order.cancelled"]


class WebhookPing(_CloudEvent[EndpointData]):
    """Sent to a webhook endpoint on request; it is not on the bus."""

    type: Literal["webhook.ping"]

    @classmethod
    def of(cls, event_id: str, at: datetime, endpoint_id: str) -> Self:
        return cls(
            specversion="1.0",
            id=event_id,
            source="/shop",
            type="webhook.ping",
            subject=endpoint_id,
            time=at,
            datacontenttype="application/json",
            dataschema=f"urn:shop:event:webhook.ping:{cls.data_version}",
            data=EndpointData(endpoint_id=endpoint_id),
        )


type AnyEvent = (
    UserRegistered
    | UserUpdated
    | UserPasswordChanged
    | UserDeactivated
    | UserDeleted
    | OrderPlaced
    | OrderProcessing
    | OrderCompleted
    | OrderCancelled
)
