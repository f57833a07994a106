"""Access tokens: our own signature proves a session, and every other token is rejected."""

import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shop.caller import Role
from shop.identity.access_tokens import InvalidToken, Issuer, issue, verify
from shop.identity.keys.signing_keys import KeySet, SigningKey
from tests.support.fixtures import ALICE, NOON

KEY = SigningKey.new()
OTHER_KEY = SigningKey.new()
ISSUER = Issuer("https://issuer.example", "shop-api", "shop")
NOW = int(NOON.timestamp())
HEADER = {"typ": "at+jwt", "kid": KEY.kid, "alg": "ES256"}
CLAIMS = {
    "iss": ISSUER.issuer,
    "aud": ISSUER.audience,
    "sub": ALICE.id,
    "exp": NOW + 900,
    "iat": NOW,
    "jti": "1",
    "client_id": "shop",
    "sid": ALICE.session_id,
    "role": "customer",
    "scope": "shop",
}


def find_key(kid: str) -> dict[str, str] | None:
    return KEY.public_jwk() if kid == KEY.kid else None


def proven(token: str) -> bool:
    try:
        verify(token, find_key, ISSUER, NOON)
    except InvalidToken:
        return False
    return True


def encoded(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def signed(
    header: dict[str, Any] | bytes = HEADER,
    claims: dict[str, Any] | bytes = CLAIMS,
    key: SigningKey = KEY,
) -> str:
    """Return a correctly signed token with this header and these claims."""
    content = f"{encoded(header)}.{encoded(claims)}"
    signature = jwt.get_algorithm_by_name("ES256").sign(content.encode(), key.parsed)
    return f"{content}.{encoded(signature)}"


def test_issued_token_identifies_its_user_and_session() -> None:
    token = issue(KEY, ISSUER, ALICE.id, ALICE.session_id, Role.CUSTOMER, NOON)

    claims = verify(token, find_key, ISSUER, NOON)

    assert (claims.user_id, claims.session_id) == (ALICE.id, ALICE.session_id)
    assert jwt.get_unverified_header(token) == HEADER
    assert proven(signed())


def test_token_is_valid_for_15_minutes_to_the_second() -> None:
    token = issue(KEY, ISSUER, ALICE.id, ALICE.session_id, Role.CUSTOMER, NOON)

    verify(token, find_key, ISSUER, NOON + timedelta(seconds=899))
    with pytest.raises(InvalidToken):
        verify(token, find_key, ISSUER, NOON + timedelta(seconds=900))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "RS256", "ES384", "", None])
def test_other_algorithm_is_rejected(algorithm: str | None) -> None:
    assert not proven(signed(HEADER | {"alg": algorithm}))
    content = f"{encoded(HEADER | {'alg': algorithm})}.{encoded(CLAIMS)}"
    assert not proven(f"{content}.")


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, "jwk"])
def test_public_key_is_rejected_as_shared_secret(form: PublicFormat | str) -> None:
    secret = (
        KEY.parsed.public_key().public_bytes(Encoding.PEM, form)
        if isinstance(form, PublicFormat)
        else json.dumps(KEY.public_jwk()).encode()
    )
    for algorithm in ("HS256", "ES256"):
        content = f"{encoded(HEADER | {'alg': algorithm})}.{encoded(CLAIMS)}"
        digest = hmac.digest(secret, content.encode(), "sha256")
        assert not proven(f"{content}.{encoded(digest)}")


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "crit", "zip", "b64"])
def test_header_with_its_own_key_is_rejected(name: str) -> None:
    brought = OTHER_KEY.public_jwk() if name == "jwk" else "https://evil.example/jwks.json"

    assert not proven(signed(HEADER | {name: brought}, key=OTHER_KEY))
    assert not proven(signed(HEADER | {name: brought}))


@pytest.mark.parametrize("kid", [None, "", 7, [], {}, "../../dev/null", "' OR 1=1", "unknown"])
def test_malformed_key_id_finds_no_key(kid: object) -> None:
    assert not proven(signed(HEADER | {"kid": kid}))


@pytest.mark.parametrize("typ", [None, "", "JWT", "jwt", "rt+jwt", 7])
def test_other_token_type_is_rejected(typ: object) -> None:
    assert not proven(signed(HEADER | {"typ": typ}))


@pytest.mark.parametrize("name", sorted(CLAIMS.keys() - {"role", "scope", "jti"}))
def test_missing_or_mistyped_claim_is_rejected(name: str) -> None:
    without = {key: value for key, value in CLAIMS.items() if key != name}

    assert not proven(signed(claims=without))
    kinds: list[object] = [None, "", [], {}, "other", 1.5, True]
    for wrong in kinds:
        assert not proven(signed(claims=CLAIMS | {name: wrong})), wrong


@pytest.mark.parametrize(
    "times",
    [
        {"exp": NOW - 1},
        {"exp": NOW},
        {"exp": str(NOW + 900)},
        {"exp": NOW + 900.0},
        {"exp": 10**400},
        {"exp": NOW + 901},
        {"iat": NOW + 31, "exp": NOW + 931},
        {"iat": NOW - 901, "exp": NOW},
        {"iat": 0},
        {"nbf": NOW + 3600},
    ],
)
def test_inconsistent_times_are_rejected(times: dict[str, Any]) -> None:
    assert not proven(signed(claims=CLAIMS | times))


def test_signature_of_another_key_or_content_is_rejected() -> None:
    token = signed()
    header, claims, signature = token.split(".")
    other = encoded(CLAIMS | {"sub": "01900000-0000-7000-8000-00000000000b"})

    assert not proven(signed(key=OTHER_KEY))
    assert not proven(f"{header}.{other}.{signature}")
    assert not proven(f"{header}.{claims}.")
    assert not proven(f"{header}.{claims}.{encoded(bytes(64))}")


def test_token_has_one_encoding() -> None:
    token = signed()
    header, claims, signature = token.split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other_last = last[last.index(signature[-1]) ^ 1]

    assert not proven(f"{token}==")
    assert not proven(f"{header}=.{claims}.{signature}")
    assert not proven(f"{header}.{claims}.{signature[:-1]}{other_last}")
    assert not proven(f"{header}.{claims}.{signature[:10]}\n{signature[10:]}")


def test_duplicate_name_is_rejected() -> None:
    header = json.dumps(HEADER).encode()
    claims = json.dumps(CLAIMS).encode()

    assert proven(signed(header, claims))
    assert not proven(signed(header[:-1] + b', "alg": "ES256"}', claims))
    assert not proven(signed(header, claims[:-1] + b', "sub": "' + ALICE.id.encode() + b'"}'))


@pytest.mark.parametrize(
    "encoding",
    ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig"],
)
def test_header_and_claims_in_an_encoding_other_than_utf_8_are_rejected(encoding: str) -> None:
    header, claims = json.dumps(HEADER), json.dumps(CLAIMS)

    assert proven(signed(header.encode(), claims.encode()))
    assert not proven(signed(header.encode(), claims.encode(encoding)))
    assert not proven(signed(header.encode(encoding), claims.encode()))


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "é.é.é",
        "bnVsbA.bnVsbA.bnVsbA",
        "W10.W10.",
        "x" * 9000,
    ],
)
def test_malformed_token_is_rejected(token: str) -> None:
    assert not proven(token)


def test_nine_kilobyte_token_is_rejected() -> None:
    assert not proven(signed(claims=CLAIMS | {"padding": "x" * 6700}))


def test_key_load_failure_is_not_a_token_error() -> None:
    def broken(kid: str) -> dict[str, str] | None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        verify(signed(), broken, ISSUER, NOON)


def test_private_keys_survive_storage_and_never_reach_the_jwks() -> None:
    keys = KeySet.new(NOON)

    assert KeySet.from_secret(keys.to_secret()) == keys
    published = json.dumps(keys.jwks())
    assert "PRIVATE" not in published and '"d"' not in published
    assert [key["kid"] for key in keys.jwks()["keys"]] == [
        keys.previous.kid,
        keys.current.kid,
        keys.next.kid,
    ]
