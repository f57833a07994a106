"""Request bodies and queries of webhook endpoints."""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, WithJsonSchema

from shop.events.schemas import AnyEvent
from shop.http.list_queries import ListQuery
from shop.http.request_models import UNSET, Body, IdIn, IntegralFloat, Patch
from shop.text import Description
from shop.violations import violation
from shop.webhooks.models import (
    ALL_EVENTS,
    DEFAULT_KEEP_PREVIOUS,
    MAX_EVENT_TYPES,
    MAX_KEEP_PREVIOUS,
    DeliveryStatus,
    EndpointStatus,
)
from shop.webhooks.targets import MAX_URL, InvalidTarget, parse_target

EVENT_TYPES = [event.name() for event in get_args(AnyEvent.__value__)]


def _url(url: str) -> str:
    try:
        return parse_target(url).url
    except InvalidTarget as error:
        raise violation("webhook_url", str(error)) from None


def _event_types(types: list[str]) -> list[str]:
    types = list(dict.fromkeys(types))
    if not {*types} <= {*EVENT_TYPES, ALL_EVENTS}:
        message = f"Must be {', '.join(EVENT_TYPES)}, or {ALL_EVENTS} alone."
        raise violation("unknown_event_type", message)
    if ALL_EVENTS in types and len(types) > 1:
        raise violation("event_types", f"Must be {ALL_EVENTS} alone, or without it.")
    return types


Url = Annotated[
    str,
    Field(
        max_length=MAX_URL,
        description="https on port 443, with a host name of the Internet",
        examples=["https://hooks.example.com/orders"],
        json_schema_extra={"pattern": "^https?://"},  # its host may be international
    ),
    AfterValidator(_url),
]
_DESCRIBED = Field(examples=["To the ERP"])
EventTypes = Annotated[
    list[str],
    Field(min_length=1, max_length=MAX_EVENT_TYPES),
    AfterValidator(_event_types),
    WithJsonSchema(
        {
            "description": f"types of events, or `{ALL_EVENTS}` for all, also later ones",
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": "string", "enum": EVENT_TYPES},
                    "minItems": 1,
                    "maxItems": MAX_EVENT_TYPES,
                },
                {
                    "type": "array",
                    "items": {"type": "string", "const": ALL_EVENTS},
                    "minItems": 1,
                    "maxItems": MAX_EVENT_TYPES,
                },
            ],
            "examples": [["order.placed"]],
        }
    ),
]


class WebhookEndpointCreate(Body):
    url: Url
    event_types: EventTypes
    description: Annotated[Description | None, _DESCRIBED] = None


class WebhookEndpointUpdate(Patch):
    url: Url = UNSET
    event_types: EventTypes = UNSET
    description: Annotated[Description | None, _DESCRIBED] = UNSET
    status: Annotated[EndpointStatus, Field(strict=False)] = UNSET


class WebhookSecretChange(Body):
    keep_previous_for: Annotated[
        int,
        Field(
            ge=0,
            le=MAX_KEEP_PREVIOUS,
            description="seconds in which the previous secret signs too",
            examples=[DEFAULT_KEEP_PREVIOUS],
        ),
        IntegralFloat,
    ] = DEFAULT_KEEP_PREVIOUS


class WebhookDeliveryCreate(Body):
    event_id: Annotated[
        IdIn,
        Field(description="an event that has a delivery; without it, a `webhook.ping` is sent"),
    ] = UNSET


class WebhookDeliveryListQuery(ListQuery):
    status: DeliveryStatus | None = None
    sort: Literal["createdAt", "-createdAt"] = "-createdAt"
