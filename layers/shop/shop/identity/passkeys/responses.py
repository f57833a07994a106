"""Responses of passkeys."""

from typing import Annotated, Self

from shop.http.response_fields import Timestamp
from shop.http.response_models import ResponseModel
from shop.identity.passkeys.challenges import Challenge
from shop.json_schema import JsonSchema

BASE64URL = "^[A-Za-z0-9_-]+$"
CHALLENGE_EXAMPLE = "AAAAAGsiSJCZ2i0O3kcpYbyaYoiMpvnDMKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"


class PasskeyChallengeResponse(ResponseModel):
    """A challenge for one registration or login, and the domain that passkeys belong to."""

    challenge: Annotated[
        str, JsonSchema(maxLength=128, pattern=BASE64URL, examples=[CHALLENGE_EXAMPLE])
    ]
    expires_at: Timestamp
    domain: Annotated[
        str,
        JsonSchema(
            maxLength=253,
            description="for `rp.id` of a registration, and `rpId` of a login",
            examples=["shop.example"],
        ),
    ]

    @classmethod
    def of(cls, challenge: Challenge, domain: str) -> Self:
        return cls(challenge=challenge.text, expires_at=challenge.expires_at, domain=domain)
