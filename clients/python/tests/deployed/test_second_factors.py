"""Second factors with the client on a deployed stack."""

import hmac
import time
from base64 import b32decode
from uuid import uuid4

import pytest
from losing_proxy import LosingProxy

from shop_client import Shop, ShopError, operations

PASSWORD = "a long walk by the river"


def code_of(secret: str, steps: int = 0) -> str:
    """Return a code of RFC 6238, of now or of so many steps of 30 s later."""
    digest = hmac.digest(b32decode(secret), (int(time.time()) // 30 + steps).to_bytes(8), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 1_000_000:06}"


def test_second_factor_is_enrolled_and_used(proxy: LosingProxy) -> None:
    email = f"ada.{uuid4()}@example.com"
    with Shop(proxy.url) as shop:
        shop.sign_up(email=email, name="Ada Lovelace", password=PASSWORD)
        shop.log_in(email=email, password=PASSWORD)
        body = {"kind": "totp", "current_password": PASSWORD}
        app = shop.request(operations.CREATE_AUTHENTICATOR, body=body).data
        confirmed = shop.request(
            operations.CONFIRM_AUTHENTICATOR,
            path={"authenticatorId": app.id},
            body={"code": code_of(app.secret, steps=-1)},
        ).data
        assert len(confirmed.recovery_codes) == 10

        with pytest.raises(ShopError) as rejected:
            shop.log_in(email=email, password=PASSWORD)
        assert rejected.value.code == "CODE_REQUIRED"
        shop.log_in(email=email, password=PASSWORD, code=code_of(app.secret))
        shop.log_in(email=email, password=PASSWORD, code=confirmed.recovery_codes[0])

        (listed,) = shop.request(operations.LIST_AUTHENTICATORS).data.data
        assert (listed.id, listed.recovery_codes_left) == (app.id, 9)
        shop.request(operations.DELETE_AUTHENTICATOR, path={"authenticatorId": app.id})
        shop.log_in(email=email, password=PASSWORD)
