"""Operations as the API speaks of them."""

from typing import Literal

from shop.http.response_models import ResponseModel


class Health(ResponseModel):
    status: Literal["ok"] = "ok"
