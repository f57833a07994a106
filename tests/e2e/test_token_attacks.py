"""Known attacks on JWTs against the deployed authorizer: each is 401 and invokes no function.

The real key signs well-formed tokens with wrong claims, so that the claim causes the rejection.
Every token is new, since the gateway caches authorizer results for 50 s.
"""

import hmac
import json
import string
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shop.identifiers import new_id
from shop.identity.keys.signing_keys import KeySet, SigningKey
from tests.support.deployed_shop import Person, Shop, error_of

MINUTE = 60  # seconds
BASE64URL = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

# Any: headers and claims are arbitrary JSON
Json = dict[str, Any]


def encoded(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(text).rstrip(b"=").decode()


class Forge:
    """Create tokens of one real session, signed with the real key by default."""

    def __init__(self, keys: KeySet, person: Person) -> None:
        self.key = keys.current
        self.header = jwt.get_unverified_header(person.grant["accessToken"])
        self._claims = jwt.decode(person.grant["accessToken"], options={"verify_signature": False})

    def claims(self) -> Json:
        """Return valid claims of a token issued now."""
        now = int(time.time())
        return self._claims | {"iat": now, "exp": now + 15 * MINUTE, "jti": new_id()}

    def token(
        self,
        header: Json | bytes | None = None,
        claims: Json | bytes | None = None,
        key: SigningKey | None = None,
        without: str = "",
    ) -> str:
        """Objects override the valid parts; bytes replace them."""
        if not isinstance(header, bytes):
            header = self.header | (header or {})
        if not isinstance(claims, bytes):
            claims = self.claims() | (claims or {})
            claims.pop(without, None)
        content = f"{encoded(header)}.{encoded(claims)}"
        private = (key or self.key).parsed
        signature = jwt.get_algorithm_by_name("ES256").sign(content.encode(), private)
        return f"{content}.{encoded(signature)}"


@pytest.fixture(scope="module")
def forge(shop: Shop) -> Forge:
    stored = shop.stack.client("secretsmanager").get_secret_value(
        SecretId=shop.stack.resources()["SigningKeysSecret"]
    )
    return Forge(KeySet.from_secret(stored["SecretString"]), shop.sign_up())


type AssertRejected = Callable[..., None]


@pytest.fixture
def assert_rejected(shop: Shop) -> Iterator[AssertRejected]:
    """Send tokens; finally assert that none invoked GetUser and none changed an item."""
    function = shop.stack.resources()["GetUser"]
    before, stored = runs_of(shop, function), shop.everything()
    responses: list[httpx2.Response] = []

    def send(*tokens: str) -> None:
        for token in tokens:
            response = me(shop, f"Bearer {token}")
            assert error_of(response) == (401, "UNAUTHORIZED"), token
            assert response.headers["WWW-Authenticate"] == "Bearer"
            responses.append(response)

    yield send
    assert responses
    assert runs_of(shop, function) == before
    assert shop.everything() == stored


def me(shop: Shop, authorization: str) -> httpx2.Response:
    return shop.anonymous.get("/api/users/me", headers={"Authorization": authorization})


def runs_of(shop: Shop, function: str) -> set[str]:
    """Return the ids of requests that a function handled, from its log."""
    logs = shop.stack.client("logs")
    # The emulator returns at most 10,000 lines, without a second page.
    found = logs.get_paginator("filter_log_events").paginate(
        logGroupName="/shop-local/http", filterPattern=f'"{function}"'
    )
    lines = [event["message"] for page in found for event in page["events"]]
    entries = [json.loads(line) for line in lines if line[0] == "{"]
    return {entry["request_id"] for entry in entries if "status" in entry}


def test_valid_token_is_accepted(shop: Shop, forge: Forge) -> None:
    """A control: without it the rejections below would prove nothing."""
    function = shop.stack.resources()["GetUser"]
    before = runs_of(shop, function)

    response = me(shop, f"Bearer {forge.token()}")

    assert response.status_code == 200
    assert runs_of(shop, function) - before == {response.headers["X-Request-Id"]}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_authentication_scheme_is_case_insensitive(shop: Shop, forge: Forge, scheme: str) -> None:
    assert me(shop, f"{scheme} {forge.token()}").status_code == 200


def test_other_scheme_is_rejected(shop: Shop, forge: Forge) -> None:
    for scheme in ("Basic ", "Token ", "JWT ", "", "Bearer", "Bearer Bearer ", "Bearer: "):
        assert error_of(me(shop, f"{scheme}{forge.token()}")) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
def test_unsigned_token_is_rejected_in_any_case(
    assert_rejected: AssertRejected, forge: Forge, algorithm: str
) -> None:
    header = {"alg": algorithm}
    content = f"{encoded(forge.header | header)}.{encoded(forge.claims())}"

    assert_rejected(f"{content}.", f"{content}.{encoded(bytes(64))}", forge.token(header))


@pytest.mark.parametrize(
    "algorithm", ["HS256", "HS384", "RS256", "PS256", "ES384", "EdDSA", "", None, []]
)
def test_other_algorithm_is_rejected(
    assert_rejected: AssertRejected, forge: Forge, algorithm: object
) -> None:
    assert_rejected(forge.token({"alg": algorithm}))


def test_public_key_in_any_form_is_rejected_as_shared_secret(
    assert_rejected: AssertRejected, forge: Forge
) -> None:
    public, jwk = forge.key.parsed.public_key(), forge.key.public_jwk()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forms = [
        pem,
        pem.strip(),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
        json.dumps(jwk).encode(),
        json.dumps(jwk, separators=(",", ":")).encode(),
        json.dumps({"keys": [jwk]}).encode(),
        jwk["x"].encode(),
        forge.key.kid.encode(),
        b"",
    ]
    for algorithm in ("HS256", "hs256", "ES256"):
        for secret in forms:
            content = f"{encoded(forge.header | {'alg': algorithm})}.{encoded(forge.claims())}"
            assert_rejected(f"{content}.{encoded(hmac.digest(secret, content.encode(), 'sha256'))}")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_claims_in_an_encoding_other_than_utf_8_are_rejected(
    assert_rejected: AssertRejected, forge: Forge, encoding: str
) -> None:
    assert_rejected(
        forge.token(claims=json.dumps(forge.claims()).encode(encoding)),
        forge.token(header=json.dumps(forge.header).encode(encoding)),
    )


class Listener(BaseHTTPRequestHandler):
    """A server with the attacker's key, which counts its requests."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(404)

    do_POST = do_HEAD = do_GET

    def log_message(self, *args: Any) -> None:
        """Keep the test output free of access logs."""


@pytest.fixture
def listener() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kid", ["ours", "theirs"])
def test_token_with_an_embedded_or_remote_key_is_rejected_without_a_fetch(
    assert_rejected: AssertRejected, forge: Forge, listener: str, kid: str
) -> None:
    theirs = SigningKey.new()
    public = theirs.parsed.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    brought: Json = {
        "jwk": theirs.public_jwk(),
        "jku": f"{listener}/jwks.json",
        "x5u": f"{listener}/certificate.pem",
        "x5c": [b64encode(der).decode()],
        "x5t": encoded(b"thumbprint"),
        "crit": ["exp"],
    }
    named = {"kid": forge.key.kid if kid == "ours" else theirs.kid}

    for name, value in brought.items():
        assert_rejected(forge.token({name: value} | named, key=theirs))
        assert_rejected(forge.token({name: value}))
    assert_rejected(forge.token({"kid": f"{listener}/jwks.json"}, key=theirs))

    assert Listener.asked == []


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/dev/null",
        "..\\..\\nul",
        "' OR '1'='1",
        "x' UNION SELECT 'key' --",
        "| id",
        "${jndi:ldap://127.0.0.1/a}",
        "\0",
        "",
        " ",
        0,
        1.5,
        True,
        None,
        [],
        {},
        "k" * 2000,
    ],
)
def test_malformed_key_id_is_rejected(
    assert_rejected: AssertRejected, forge: Forge, kid: object
) -> None:
    assert_rejected(forge.token({"kid": kid}))
    # The content of an empty file as key.
    content = f"{encoded(forge.header | {'kid': kid, 'alg': 'HS256'})}.{encoded(forge.claims())}"
    assert_rejected(f"{content}.{encoded(hmac.digest(b'', content.encode(), 'sha256'))}")


def test_missing_key_id_is_rejected(assert_rejected: AssertRejected, forge: Forge) -> None:
    header = {name: value for name, value in forge.header.items() if name != "kid"}

    assert_rejected(forge.token(json.dumps(header).encode()))


def test_foreign_key_under_a_known_key_id_is_rejected(
    assert_rejected: AssertRejected, forge: Forge
) -> None:
    assert_rejected(forge.token(key=SigningKey.new()))


@pytest.mark.parametrize("typ", [None, "", "JWT", "jwt", "rt+jwt", "at+jwt2", 7, ["at+jwt"]])
def test_other_type_is_rejected(assert_rejected: AssertRejected, forge: Forge, typ: object) -> None:
    assert_rejected(forge.token({"typ": typ}))


@pytest.mark.parametrize(
    "name", ["iss", "aud", "sub", "exp", "iat", "jti", "client_id", "sid", "role", "scope"]
)
def test_missing_claim_is_rejected(
    assert_rejected: AssertRejected, forge: Forge, name: str
) -> None:
    assert_rejected(forge.token(without=name))


@pytest.mark.parametrize("name", ["iss", "aud", "client_id", "sub", "sid"])
def test_wrong_claim_is_rejected(assert_rejected: AssertRejected, forge: Forge, name: str) -> None:
    good = forge.claims()[name]
    others: list[object] = ["other", "", None, 7, True, [], {}, [good], [good, "other"], f"{good} "]
    for wrong in others:
        assert_rejected(forge.token(claims={name: wrong}))
    assert_rejected(forge.token(claims={name: good.upper()}), forge.token(claims={name: good[:-1]}))


def test_session_of_another_user_is_rejected(
    assert_rejected: AssertRejected, shop: Shop, forge: Forge
) -> None:
    assert_rejected(
        forge.token(claims={"sub": shop.admin.id}), forge.token(claims={"sid": new_id()})
    )


@pytest.mark.parametrize(
    "times",
    [
        {"exp": "later"},
        {"exp": f"+{10 * MINUTE}"},
        {"exp": None},
        {"exp": True},
        {"exp": [10 * MINUTE]},
        {"exp": 10**400},
        {"exp": -(10**400)},
        {"exp": 2**63},
    ],
)
def test_malformed_expiry_is_rejected(
    assert_rejected: AssertRejected, forge: Forge, times: Json
) -> None:
    assert_rejected(forge.token(claims=times))


def test_expiry_as_text_or_fraction_is_rejected(
    assert_rejected: AssertRejected, forge: Forge
) -> None:
    end = int(time.time()) + 10 * MINUTE

    assert_rejected(
        *(forge.token(claims={"exp": wrong}) for wrong in (str(end), float(end), end + 0.5))
    )
    for literal in (b"1e400", b"Infinity", b"NaN", b"9" * 3000):
        claims = json.dumps(forge.claims() | {"exp": 0}).encode()
        assert_rejected(forge.token(claims=claims.replace(b'"exp": 0', b'"exp": ' + literal)))


@pytest.mark.parametrize(
    ("issued_ago", "ends_in"),
    [
        (16 * MINUTE, -MINUTE),
        (15 * MINUTE + 61, -61),
        (15 * MINUTE, 0),
        (10 * MINUTE, -3600),
        (-61, 14 * MINUTE),
        (-3600, 3600 + 15 * MINUTE),
        (-3600, 10 * MINUTE),
        (0, 15 * MINUTE + 1),
        (0, 24 * 3600),
        (14 * MINUTE, 2 * MINUTE),
        (10**9, 10 * MINUTE),
    ],
)
def test_inconsistent_times_are_rejected(
    assert_rejected: AssertRejected, forge: Forge, issued_ago: int, ends_in: int
) -> None:
    now = int(time.time())

    assert_rejected(forge.token(claims={"iat": now - issued_ago, "exp": now + ends_in}))


def test_token_not_yet_valid_is_rejected(assert_rejected: AssertRejected, forge: Forge) -> None:
    for begins_in in (61, 3600, 10**10):
        assert_rejected(forge.token(claims={"nbf": int(time.time()) + begins_in}))
    assert_rejected(forge.token(claims={"nbf": "now"}), forge.token(claims={"nbf": None}))


def test_small_clock_skew_is_accepted(shop: Shop, forge: Forge) -> None:
    now = int(time.time())
    token = forge.token(claims={"iat": now + 20, "exp": now + 20 + 15 * MINUTE})

    assert me(shop, f"Bearer {token}").status_code == 200


def test_alternative_encoding_of_a_token_is_rejected(
    assert_rejected: AssertRejected, forge: Forge
) -> None:
    header, claims, signature = forge.token().split(".")
    # The last of 86 characters has two bits of the signature; the other four must be zero.
    spare = BASE64URL[BASE64URL.index(signature[-1]) ^ 1]

    assert_rejected(
        f"{header}.{claims}.{signature[:-1]}{spare}",
        f"{header}.{claims}.{signature}=",
        f"{header}.{claims}.{signature}==",
        f"{header}=.{claims}.{signature}",
        f"{header}.{claims}.{signature}A",
        f"{header}.{claims}.{signature[:-1]}",
        f"{header}.{claims}.{signature[:43]} {signature[43:]}",
        f" {header}.{claims} .{signature}",
        f"{header}.{claims}.{signature},{header}.{claims}.{signature}",
    )


def test_standard_base64_is_rejected(assert_rejected: AssertRejected, forge: Forge) -> None:
    while not set(token := forge.token()) & set("-_"):
        pass

    assert_rejected(token.replace("-", "+").replace("_", "/"))


def test_signature_in_another_encoding_is_rejected(
    assert_rejected: AssertRejected, forge: Forge
) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    content = forge.token().rpartition(".")[0]
    der = forge.key.parsed.sign(content.encode(), ec.ECDSA(hashes.SHA256()))

    assert_rejected(f"{content}.{encoded(der)}", f"{content}.{encoded(der.hex().encode())}")


def test_signature_of_an_empty_message_is_rejected(
    assert_rejected: AssertRejected, forge: Forge
) -> None:
    """CVE-2022-21449: r and s of zero, or of the curve's order, are valid for any content."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    content = forge.token().rpartition(".")[0]

    for number in (0, 1, order):
        assert_rejected(f"{content}.{encoded(number.to_bytes(32) * 2)}")
    assert_rejected(f"{content}.{encoded(b'short')}")


def test_duplicate_claim_name_is_rejected(assert_rejected: AssertRejected, forge: Forge) -> None:
    header = json.dumps(forge.header).encode()

    def doubled(name: str, value: object) -> list[bytes]:
        good = json.dumps(forge.claims()).encode()
        pair = f'"{name}": {json.dumps(value)}'.encode()
        return [b"{" + pair + b", " + good[1:], good[:-1] + b", " + pair + b"}"]

    for name, value in [("sub", new_id()), ("role", "admin"), ("exp", 9999999999)]:
        assert_rejected(*(forge.token(claims=claims) for claims in doubled(name, value)))
    assert_rejected(forge.token(header[:-1] + b', "alg": "none"}'))
    assert_rejected(forge.token(b'{"alg": "none", ' + header[1:]))


def test_token_parts_that_are_not_objects_are_rejected(
    assert_rejected: AssertRejected, forge: Forge
) -> None:
    nested = b"[" * 1200 + b"]" * 1200
    for content in (b"null", b"[]", b'"text"', b"7", b"{}", b"{", b"\xff\xfe", nested):
        assert_rejected(forge.token(claims=content), forge.token(header=content))


def test_content_changed_after_signing_is_rejected(
    assert_rejected: AssertRejected, forge: Forge
) -> None:
    header, claims, signature = forge.token().split(".")
    promoted = forge.claims() | {"role": "admin", "scope": "shop shop:admin"}

    assert_rejected(
        f"{header}.{encoded(promoted)}.{signature}",
        f"{header}.{claims}.{forge.token().split('.')[2]}",
        f"{header}.{claims}.{signature[::-1]}",
        f"{claims}.{header}.{signature}",
    )


def test_admin_role_in_a_valid_token_grants_the_account_state_role_only(
    shop: Shop, forge: Forge
) -> None:
    token = forge.token(claims={"role": "admin", "scope": "shop shop:admin"})

    response = shop.client(token).get(f"/api/users/{shop.admin.id}")

    assert error_of(response) == (403, "FORBIDDEN")


def test_refresh_token_is_rejected_as_access_token(
    assert_rejected: AssertRejected, shop: Shop
) -> None:
    assert_rejected(shop.admin.grant["refreshToken"])


def test_access_token_is_rejected_as_refresh_token(shop: Shop, forge: Forge) -> None:
    token = forge.token()
    before = shop.everything()

    for wrong in (token, *token.split("."), f"Bearer {token}"):
        response = shop.anonymous.post("/api/access-tokens", json={"refreshToken": wrong})
        assert error_of(response) == (401, "UNAUTHORIZED")

    assert shop.everything() == before


def test_token_without_three_parts_is_rejected(
    assert_rejected: AssertRejected, forge: Forge
) -> None:
    token = forge.token()
    header, claims, signature = token.split(".")

    assert_rejected(
        f"{header}.{encoded(b'key')}.{encoded(b'iv')}.{claims}.{signature}",
        f"{token}.{signature}",
        f"{token}.",
        f".{token}",
        f"{header}.{claims}",
        header,
        "..",
        ".",
        "a.b.c",
    )


@pytest.mark.parametrize("size", [5_000, 9_000])
def test_oversized_token_is_rejected(
    assert_rejected: AssertRejected, forge: Forge, size: int
) -> None:
    token = forge.token(claims={"padding": "x" * (size * 3 // 4 - 600)})
    assert size - 1000 < len(token) <= size

    assert_rejected(token)
