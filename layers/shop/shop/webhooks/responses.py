"""Responses of webhook endpoints and deliveries."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self  # `Any`: events are JSON

from shop.http.pages import Meta, Page
from shop.http.response_fields import Id, Timestamp
from shop.http.response_models import Resource, ResponseModel
from shop.json_schema import JsonSchema
from shop.webhooks.models import (
    MAX_ATTEMPTS_KEPT,
    MAX_ENDPOINTS,
    MAX_EVENT_TYPES,
    Attempt,
    DeliveryStatus,
    DisabledReason,
    EndpointStatus,
    Failure,
    WebhookDelivery,
    WebhookEndpoint,
)
from shop.webhooks.targets import MAX_URL

_TIME_OR_NULL = JsonSchema(format="date-time", maxLength=24, examples=[None])
_TYPE = JsonSchema(maxLength=50, examples=["order.placed"])
_SECRET = JsonSchema(
    maxLength=50, pattern="^whsec_", examples=["whsec_TUtCQ1ROSWNLVVNEaWkxMXlTczM1MjZpRFo4QWlUbzc="]
)


class WebhookEndpointResponse(Resource):
    resource_name = "webhook_endpoint"

    url: Annotated[
        str,
        JsonSchema(format="uri", maxLength=MAX_URL, examples=["https://hooks.example.com/orders"]),
    ]
    description: Annotated[str | None, JsonSchema(maxLength=200, examples=["To the ERP"])]
    event_types: Annotated[
        list[Annotated[str, _TYPE]], JsonSchema(minItems=1, maxItems=MAX_EVENT_TYPES)
    ]
    status: EndpointStatus
    disabled_reason: Annotated[
        DisabledReason | None,
        JsonSchema(
            description="an admin, 72 hours of failures, or a response with status 410",
            examples=[None],
        ),
    ]
    secret_version: Annotated[int, JsonSchema(minimum=1, maximum=999_999_999, examples=[1])]
    previous_secret_expires_at: Annotated[datetime | None, _TIME_OR_NULL]
    failing_since: Annotated[datetime | None, _TIME_OR_NULL]
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, endpoint: WebhookEndpoint) -> Self:
        return cls(**_fields_of(endpoint))


class NewWebhookEndpointResponse(WebhookEndpointResponse):
    """An endpoint with its first secret, which no other response of it has."""

    secret: Annotated[str, _SECRET]

    @classmethod
    def of(cls, endpoint: WebhookEndpoint) -> Self:
        """Return the response as it is recorded, without the secret: see the service."""
        return cls.with_secret(endpoint, "")

    @classmethod
    def with_secret(cls, endpoint: WebhookEndpoint, secret: str) -> Self:
        return cls(**_fields_of(endpoint), secret=secret)


# Any: fields of many types.
def _fields_of(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": list(endpoint.event_types),
        "status": endpoint.status,
        "disabled_reason": endpoint.disabled_reason,
        "secret_version": endpoint.secret_version,
        "previous_secret_expires_at": endpoint.previous_secret_expires_at,
        "failing_since": endpoint.failing_since,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
        "version": endpoint.version,
    }


class WebhookEndpointPage(Page[WebhookEndpointResponse]):
    """All webhook endpoints, on one page."""

    @classmethod
    def of_all(cls, endpoints: Sequence[WebhookEndpoint]) -> Self:
        count = len(endpoints)
        return cls(
            data=[WebhookEndpointResponse.of(it) for it in endpoints],
            meta=Meta(
                page=1,
                limit=MAX_ENDPOINTS,
                total=count,
                total_pages=min(count, 1),
                next_cursor=None,
            ),
            last_page=None,
        )


class WebhookSecretResponse(ResponseModel):
    version: Annotated[int, JsonSchema(minimum=1, maximum=999_999_999, examples=[2])]
    secret: Annotated[str, _SECRET]
    previous_expires_at: Annotated[datetime | None, _TIME_OR_NULL]

    @classmethod
    def of(cls, endpoint: WebhookEndpoint, secret: str) -> Self:
        return cls(
            version=endpoint.secret_version,
            secret=secret,
            previous_expires_at=endpoint.previous_secret_expires_at,
        )


class AttemptResponse(ResponseModel):
    at: Timestamp
    status: Annotated[int | None, JsonSchema(minimum=100, maximum=999, examples=[503])]
    failure: Annotated[Failure | None, JsonSchema(examples=["status"])]
    milliseconds: Annotated[int, JsonSchema(minimum=0, maximum=60_000, examples=[120])]

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        return cls(**attempt._asdict())


class WebhookDeliveryResponse(ResponseModel):
    id: Id
    event_id: Id
    event_type: Annotated[str, _TYPE]
    status: DeliveryStatus
    attempts: Annotated[
        list[AttemptResponse],
        JsonSchema(maxItems=MAX_ATTEMPTS_KEPT, description="the last ones, the oldest first"),
    ]
    next_attempt_at: Annotated[datetime | None, _TIME_OR_NULL]
    response: Annotated[
        str | None,
        JsonSchema(
            maxLength=256,
            description="printable characters of the last refusal",
            examples=["Service unavailable"],
        ),
    ]
    event: Annotated[
        Mapping[str, Any],
        JsonSchema(
            description="the object that each attempt sends: a CloudEvent",
            examples=[{"specversion": "1.0", "type": "order.placed"}],
        ),
    ]
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> Self:
        return cls(
            id=delivery.id,
            event_id=delivery.event_id,
            event_type=delivery.event_type,
            status=delivery.status,
            attempts=[AttemptResponse.of(it) for it in delivery.attempts],
            next_attempt_at=delivery.next_attempt_at,
            response=delivery.response,
            event=json.loads(delivery.body),
            created_at=delivery.created_at,
            updated_at=delivery.updated_at,
        )


class WebhookDeliveryPage(Page[WebhookDeliveryResponse]):
    """A page of deliveries."""


class AcceptedDelivery(ResponseModel):
    """The delivery that is sent soon."""

    id: Id
