"""Operations as the API speaks of them."""

from typing import Literal

from shop.schemas import Reply


class Health(Reply):
    status: Literal["ok"] = "ok"
