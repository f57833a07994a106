"""As in https://docs.aws.amazon.com/powertools/python/latest/core/, all four."""

import logging

import store
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, UnauthorizedError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from models import Order, OrderPlace, User

# The emulator provides no trace, which Lambda always does; the SDK would log three warnings per
# request and run slower.
logging.getLogger("aws_xray_sdk").setLevel(logging.ERROR)

logger, tracer, metrics = Logger(), Tracer(), Metrics()
app = APIGatewayRestResolver(enable_validation=True)


@app.get("/api/users/<user_id>")
@tracer.capture_method
def get_user(user_id: str) -> User:
    _require(user_id)
    logger.info("reading", user_id=user_id)
    user = store.user(user_id)
    if user is None:
        raise NotFoundError("no such user")
    return User(**user)


@app.post("/api/users/<user_id>/orders")
@tracer.capture_method
def place_order(user_id: str, order: OrderPlace) -> tuple[Order, int]:
    _require(user_id)
    payload = order.model_dump()
    logger.info("placing", user_id=user_id)
    metrics.add_metric(name="OrdersPlaced", unit=MetricUnit.Count, value=1)
    return Order(**store.place(user_id, payload["items"], payload["note"])), 201


def _require(user_id):
    if app.current_event.request_context.authorizer["sub"] != user_id:
        raise UnauthorizedError("not yours")


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    return app.resolve(event, context)
