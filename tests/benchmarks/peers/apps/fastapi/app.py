"""As in https://mangum.fastapiexpert.com and https://fastapi.tiangolo.com."""

from typing import Annotated

import store
from fastapi import Depends, FastAPI, HTTPException, Request
from mangum import Mangum
from models import Order, OrderPlace, User

app = FastAPI()


def own(user_id: str, request: Request) -> str:
    if request.scope["aws.event"]["requestContext"]["authorizer"]["sub"] != user_id:
        raise HTTPException(403)
    return user_id


@app.get("/api/users/{user_id}")
def get_user(user_id: Annotated[str, Depends(own)]) -> User:
    user = store.user(user_id)
    if user is None:
        raise HTTPException(404)
    return User(**user)


@app.post("/api/users/{user_id}/orders", status_code=201)
def place_order(user_id: Annotated[str, Depends(own)], order: OrderPlace) -> Order:
    payload = order.model_dump()
    return Order(**store.place(user_id, payload["items"], payload["note"]))


handler = Mangum(app, lifespan="off")
