"""As in https://docs.aws.amazon.com/powertools/python/latest/core/event_handler/api_gateway/."""

import store
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, UnauthorizedError
from models import Order, OrderPlace, User

app = APIGatewayRestResolver(enable_validation=True)


@app.get("/api/users/<user_id>")
def get_user(user_id: str) -> User:
    _require(user_id)
    user = store.user(user_id)
    if user is None:
        raise NotFoundError("no such user")
    return User(**user)


@app.post("/api/users/<user_id>/orders")
def place_order(user_id: str, order: OrderPlace) -> tuple[Order, int]:
    _require(user_id)
    payload = order.model_dump()
    return Order(**store.place(user_id, payload["items"], payload["note"])), 201


def _require(user_id):
    if app.current_event.request_context.authorizer["sub"] != user_id:
        raise UnauthorizedError("not yours")


def handler(event, context):
    return app.resolve(event, context)
