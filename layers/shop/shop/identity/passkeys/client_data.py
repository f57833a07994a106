"""Client data: what the browser says of the ceremony (WebAuthn 3, 5.8.1)."""

import json
from typing import Any, Literal  # client data is untrusted JSON

from shop.identity.passkeys.models import RelyingParty
from shop.identity.passkeys.rejection import Rejected

type CeremonyType = Literal["webauthn.create", "webauthn.get"]

_FIELD = "clientData"


def check_client_data(
    raw: bytes, ceremony: CeremonyType, challenge: str, relying_party: RelyingParty
) -> None:
    """Raise `Rejected` unless the data is of this ceremony, challenge, and an allowed origin."""
    data = _parsed(raw)
    if data.get("type") != ceremony:
        raise Rejected(_FIELD, "wrong_type", f"Must have the type `{ceremony}`.")
    if data.get("challenge") != challenge:
        raise Rejected(_FIELD, "wrong_challenge", "Must contain the challenge of this request.")
    origin = data.get("origin")
    if not isinstance(origin, str) or not relying_party.allows(origin):
        raise Rejected(_FIELD, "wrong_origin", "Must be of a page whose origin may use passkeys.")
    # In a frame of another origin, the user may not see which site asks.
    if data.get("crossOrigin", False) is not False or "topOrigin" in data:
        raise Rejected(_FIELD, "cross_origin", "Must not be of a frame in another page.")


def _parsed(raw: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("duplicate name")
        return dict(pairs)

    try:
        # `json` would detect other encodings of bytes.
        data = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Rejected(_FIELD, "malformed", "Must be a JSON object in UTF-8.")
    return data
