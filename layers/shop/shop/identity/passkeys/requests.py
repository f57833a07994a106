"""Request bodies of passkeys."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from shop.http.request_models import MAX_TEXT, Body, IntegralFloat
from shop.identifiers import is_id
from shop.identity.passkeys.ceremonies import Assertion, Registration
from shop.identity.passkeys.encoding import to_bytes
from shop.identity.passkeys.models import Algorithm, PublicKey
from shop.identity.passkeys.rejection import Rejected
from shop.identity.passkeys.responses import BASE64URL, CHALLENGE_EXAMPLE
from shop.json_schema import JsonSchema
from shop.text import Name
from shop.violations import violation

# Characters of base64url. A credential id has at most 1023 bytes (WebAuthn 3, 4), and an RSA key of
# 4096 bits 550. The data of an authenticator has both, and some extensions.
_MAX_ID, _MAX_KEY, _MAX_DATA = 1364, 1024, 4096

_ID_EXAMPLE = "dGhlIGlkIG9mIGEgcGFzc2tleQ"
_HANDLE_EXAMPLE = "MDE5MGE2YjItN2M5ZS03YjFhLThmMDAtMDAwMDAwMDAwMGEx"
_CLIENT_DATA_EXAMPLE = "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0"
_DATA_EXAMPLE = "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MdAAAAAA"
_KEY_EXAMPLE = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
_SIGNATURE_EXAMPLE = "MEUCIQDuwRgL1Z5oUZ0c2vT1sQIgXw"


def _canonical(text: str) -> str:
    try:
        to_bytes(text)
    except ValueError:
        raise violation("base64url", "Must be base64url without padding.") from None
    return text


# After the limits of the length
_CANONICAL = AfterValidator(_canonical)


def _base64url(max_length: int, example: str, description: str) -> Any:
    """Return the limits of a value that a valid registration has. `Any`: as pydantic's Field."""
    return Field(
        min_length=1,
        max_length=max_length,
        pattern=BASE64URL,
        examples=[example],
        description=description,
    )


def _any_text(example: str, description: str) -> JsonSchema:
    return JsonSchema(maxLength=MAX_TEXT, examples=[example], description=description)


_CHALLENGE = _any_text(CHALLENGE_EXAMPLE, "as the API returned it")


class PasskeyChallengeCreate(Body):
    """No fields: a challenge serves both a registration and a login."""


class PasskeyCreate(Body):
    """A registration, as browsers return it. Binary values are base64url without padding."""

    challenge: Annotated[str, _CHALLENGE]
    id: Annotated[str, _base64url(_MAX_ID, _ID_EXAMPLE, "the credential id"), _CANONICAL]
    client_data: Annotated[
        str,
        _base64url(_MAX_DATA, _CLIENT_DATA_EXAMPLE, "`response.clientDataJSON`"),
        _CANONICAL,
    ]
    authenticator_data: Annotated[
        str,
        _base64url(_MAX_DATA, _DATA_EXAMPLE, "`response.getAuthenticatorData()`"),
        _CANONICAL,
    ]
    public_key: Annotated[
        str, _base64url(_MAX_KEY, _KEY_EXAMPLE, "`response.getPublicKey()`"), _CANONICAL
    ]
    alg: Annotated[
        Literal[-7, -8, -257],
        IntegralFloat,
        Field(description="`response.getPublicKeyAlgorithm()`: ES256, EdDSA or RS256"),
        JsonSchema(minimum=-257, maximum=-7, examples=[-7]),
    ]
    name: Annotated[Name, Field(examples=["Ada's phone"])]

    def registration(self) -> Registration:
        return Registration(
            to_bytes(self.id),
            to_bytes(self.client_data),
            to_bytes(self.authenticator_data),
            PublicKey(Algorithm(self.alg), to_bytes(self.public_key)),
        )


class PasskeySessionCreate(Body):
    """An assertion, as browsers return it. Any text, so that a wrong one always gets a 401."""

    challenge: Annotated[str, _CHALLENGE]
    id: Annotated[str, _any_text(_ID_EXAMPLE, "the credential id")]
    user_handle: Annotated[
        str,
        _any_text(_HANDLE_EXAMPLE, "`response.userHandle`: the user's id as text, in base64url"),
    ]
    client_data: Annotated[str, _any_text(_CLIENT_DATA_EXAMPLE, "`response.clientDataJSON`")]
    authenticator_data: Annotated[str, _any_text(_DATA_EXAMPLE, "`response.authenticatorData`")]
    signature: Annotated[str, _any_text(_SIGNATURE_EXAMPLE, "`response.signature`")]

    def user_id(self) -> str:
        """Return the id that the user handle has; raise `Rejected`."""
        id_ = _decoded("userHandle", self.user_handle).decode("latin-1")
        if not is_id(id_):
            raise Rejected("userHandle", "malformed", "Must have the id of a user.")
        return id_

    def assertion(self) -> Assertion:
        """Return the decoded values; raise `Rejected`."""
        return Assertion(
            _decoded("id", self.id),
            _decoded("clientData", self.client_data),
            _decoded("authenticatorData", self.authenticator_data),
            _decoded("signature", self.signature),
        )


def _decoded(field: str, text: str) -> bytes:
    if len(text) > _MAX_DATA:
        raise _malformed(field)
    try:
        return to_bytes(text)
    except ValueError:
        raise _malformed(field) from None


def _malformed(field: str) -> Rejected:
    return Rejected(field, "malformed", "Must be base64url without padding.")
