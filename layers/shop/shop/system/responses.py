"""The response of `/health` and `/ready`."""

from typing import Literal

from shop.http.response_models import ResponseModel


class Health(ResponseModel):
    status: Literal["ok"] = "ok"
