"""The checks of WebAuthn: right registrations and assertions, and each way to be wrong."""

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shop.identity.passkeys.ceremonies import (
    Assertion,
    Registration,
    check_assertion,
    check_registration,
)
from shop.identity.passkeys.models import Algorithm, Passkey, PublicKey, RelyingParty
from shop.identity.passkeys.rejection import Rejected
from tests.support.software_authenticator import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    EDDSA,
    ES256,
    HAS_CREDENTIAL,
    HAS_EXTENSIONS,
    RS256,
    USER_PRESENT,
    USER_VERIFIED,
    PrivateKey,
    SoftwareAuthenticator,
    new_key,
    spki_of,
    to_bytes,
    to_text,
)

type Json = dict[str, Any]

NOW = datetime(2026, 11, 22, 18, 6, tzinfo=UTC)
CHALLENGE = to_text(b"c" * 56)
USER = "0190a6b2-7c9e-7b1a-8f00-0000000000a1"
HERE = RelyingParty("localhost", frozenset({"http://localhost:8080", "https://shop.example"}))
VERIFIED = USER_PRESENT | USER_VERIFIED


def register(body: Json, relying_party: RelyingParty = HERE) -> Passkey:
    registration = Registration(
        to_bytes(body["id"]),
        to_bytes(body["clientData"]),
        to_bytes(body["authenticatorData"]),
        PublicKey(Algorithm(body["alg"]), to_bytes(body["publicKey"])),
    )
    data = check_registration(registration, CHALLENGE, relying_party)
    return Passkey(
        user_id=USER,
        id=USER,
        credential_id=registration.credential_id,
        public_key=registration.public_key,
        counter=data.counter,
        is_backup_eligible=data.is_backup_eligible,
        is_backed_up=data.is_backed_up,
        name="Ada's phone",
        created_at=NOW,
        last_used_at=None,
    )


def log_in(body: Json, passkey: Passkey, relying_party: RelyingParty = HERE) -> int:
    assertion = Assertion(
        to_bytes(body["id"]),
        to_bytes(body["clientData"]),
        to_bytes(body["authenticatorData"]),
        to_bytes(body["signature"]),
    )
    return check_assertion(assertion, passkey, CHALLENGE, relying_party).counter


def registration_code(body: Json) -> str:
    with pytest.raises(Rejected) as rejected:
        register(body)
    return f"{rejected.value.field} {rejected.value.code}"


def login_code(body: Json, passkey: Passkey) -> str:
    with pytest.raises(Rejected) as rejected:
        log_in(body, passkey)
    return f"{rejected.value.field} {rejected.value.code}"


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_passkey_of_each_algorithm_registers_and_logs_in(algorithm: int) -> None:
    device = SoftwareAuthenticator(algorithm)

    passkey = register(device.register(CHALLENGE))

    assert (passkey.counter, passkey.is_backup_eligible, passkey.is_backed_up) == (0, True, True)
    assert log_in(device.log_in(CHALLENGE, USER), passkey) == 0


@pytest.mark.parametrize("ceremony", ["registration", "login"])
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"client_data": {"type": "webauthn.other"}}, "clientData wrong_type"),
        ({"client_data": {"type": None}}, "clientData wrong_type"),
        ({"client_data": {"challenge": to_text(b"d" * 56)}}, "clientData wrong_challenge"),
        ({"client_data": {"challenge": ""}}, "clientData wrong_challenge"),
        ({"client_data": {"challenge": 1}}, "clientData wrong_challenge"),
        ({"client_data": {"challenge": "é"}}, "clientData wrong_challenge"),
        ({"client_data": {"challenge": "\ud800"}}, "clientData wrong_challenge"),
        ({"client_data": {"origin": "\ud800"}}, "clientData wrong_origin"),
        ({"origin": "http://localhost:8081"}, "clientData wrong_origin"),
        ({"origin": "https://shop.example.evil.example"}, "clientData wrong_origin"),
        ({"origin": "https://shop.example/"}, "clientData wrong_origin"),
        ({"origin": "http://shop.example"}, "clientData wrong_origin"),
        ({"origin": "null"}, "clientData wrong_origin"),
        ({"client_data": {"origin": None}}, "clientData wrong_origin"),
        ({"client_data": {"crossOrigin": True}}, "clientData cross_origin"),
        ({"client_data": {"crossOrigin": "false"}}, "clientData cross_origin"),
        ({"client_data": {"topOrigin": "https://evil.example"}}, "clientData cross_origin"),
        ({"domain": "evil.example"}, "authenticatorData wrong_domain"),
        ({"domain": "LOCALHOST"}, "authenticatorData wrong_domain"),
        ({"flags": USER_VERIFIED}, "authenticatorData user_absent"),
        ({"flags": USER_PRESENT}, "authenticatorData user_unverified"),
        ({"flags": 0}, "authenticatorData user_absent"),
        ({"flags": VERIFIED | BACKED_UP}, "authenticatorData malformed"),
        ({"flags": VERIFIED | BACKUP_ELIGIBLE | HAS_EXTENSIONS}, "authenticatorData malformed"),
        ({"rest": b"\x00"}, "authenticatorData malformed"),
    ],
)
def test_wrong_response_is_rejected(ceremony: str, wrong: Json, code: str) -> None:
    device = SoftwareAuthenticator(flags=VERIFIED | BACKUP_ELIGIBLE)
    passkey = register(device.register(CHALLENGE))
    device = device.changed(**wrong)

    rejected = (
        registration_code(device.register(CHALLENGE))
        if ceremony == "registration"
        else login_code(device.log_in(CHALLENGE, USER), passkey)
    )

    assert rejected == code


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe{}",
        '{"type":"webauthn.get"}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"type":"webauthn.get","type":"webauthn.get"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"type":NaN}',
    ],
    ids=lambda raw: str(raw[:12]),
)
def test_malformed_client_data_is_rejected(raw: bytes) -> None:
    device = SoftwareAuthenticator()
    passkey = register(device.register(CHALLENGE))
    body = device.log_in(CHALLENGE, USER) | {"clientData": to_text(raw)}

    code = login_code(body, passkey)

    assert code in ("clientData malformed", "clientData wrong_type")


def test_unknown_members_of_client_data_are_ignored() -> None:
    """Browsers add some, so that servers do not compare the text (WebAuthn 3, 5.8.1)."""
    more = {"other_keys_can_be_added_here": "do not compare clientDataJSON against a template"}
    device = SoftwareAuthenticator(client_data=more)

    passkey = register(device.register(CHALLENGE))

    assert log_in(device.log_in(CHALLENGE, USER), passkey) == 0


def test_client_data_without_cross_origin_is_accepted() -> None:
    device = SoftwareAuthenticator()
    body = device.register(CHALLENGE)
    data = json.loads(to_bytes(body["clientData"]))
    del data["crossOrigin"]

    passkey = register(body | {"clientData": to_text(json.dumps(data).encode())})

    assert passkey.credential_id == device.credential_id


def test_extensions_are_accepted_and_not_read() -> None:
    """Chromium asks some security keys for `credProtect`."""
    extensions = b"\xa1\x6bcredProtect\x02"
    device = SoftwareAuthenticator(flags=VERIFIED | HAS_EXTENSIONS, rest=extensions)

    passkey = register(device.register(CHALLENGE))

    assert log_in(device.log_in(CHALLENGE, USER), passkey) == 0


@pytest.mark.parametrize("length", [0, 1, 31, 32, 36])
def test_truncated_authenticator_data_is_rejected(length: int) -> None:
    device = SoftwareAuthenticator()
    passkey = register(device.register(CHALLENGE))
    registration, login = device.register(CHALLENGE), device.log_in(CHALLENGE, USER)

    for body in (registration, login):
        body["authenticatorData"] = to_text(to_bytes(body["authenticatorData"])[:length])

    assert registration_code(registration) == "authenticatorData malformed"
    assert login_code(login, passkey) == "authenticatorData malformed"


@pytest.mark.parametrize(
    ("length", "code"),
    [
        (37, "id wrong_id"),
        (53, "id wrong_id"),
        (55, "id wrong_id"),
        (60, "id wrong_id"),
        (87, "publicKey wrong_key"),
        (163, "publicKey wrong_key"),
    ],
)
def test_truncated_credential_is_rejected(length: int, code: str) -> None:
    body = SoftwareAuthenticator().register(CHALLENGE)
    whole = to_bytes(body["authenticatorData"])
    assert len(whole) == 164

    body["authenticatorData"] = to_text(whole[:length])

    assert registration_code(body) == code


def test_registration_without_a_credential_is_rejected() -> None:
    device = SoftwareAuthenticator()
    body = device.register(CHALLENGE)

    body["authenticatorData"] = device.log_in(CHALLENGE, USER)["authenticatorData"]

    assert registration_code(body) == "authenticatorData malformed"


def test_login_with_a_credential_is_rejected() -> None:
    device = SoftwareAuthenticator()
    passkey = register(device.register(CHALLENGE))
    wrong = device.changed(flags=device.flags | HAS_CREDENTIAL)

    assert login_code(wrong.log_in(CHALLENGE, USER), passkey) == "authenticatorData malformed"


def test_other_id_than_that_of_the_credential_is_rejected() -> None:
    body = SoftwareAuthenticator().register(CHALLENGE)

    assert registration_code(body | {"id": to_text(b"other")}) == "id wrong_id"


@pytest.mark.parametrize("length", [0, 1024])
def test_credential_id_of_an_invalid_length_is_rejected(length: int) -> None:
    device = SoftwareAuthenticator(credential_id=b"i" * length)

    assert registration_code(device.register(CHALLENGE)) == "authenticatorData malformed"


def test_longest_credential_id_is_accepted() -> None:
    device = SoftwareAuthenticator(credential_id=b"i" * 1023)

    assert len(register(device.register(CHALLENGE)).credential_id) == 1023


def test_other_key_than_that_of_the_credential_is_rejected() -> None:
    body = SoftwareAuthenticator().register(CHALLENGE)
    other = to_text(spki_of(new_key()))

    assert registration_code(body | {"publicKey": other}) == "publicKey wrong_key"


@pytest.mark.parametrize(
    ("algorithm", "claimed"), [*itertools.permutations([ES256, EDDSA, RS256], 2)]
)
def test_other_algorithm_than_that_of_the_key_is_rejected(algorithm: int, claimed: int) -> None:
    body = SoftwareAuthenticator(algorithm).register(CHALLENGE)

    assert registration_code(body | {"alg": claimed}) == "alg wrong_alg"


def spki_with(key: PrivateKey, old: bytes, new: bytes) -> bytes:
    spki = spki_of(key)
    assert old in spki
    return spki.replace(old, new)


def bad_keys() -> list[Any]:
    good = new_key()
    assert isinstance(good, ec.EllipticCurvePrivateKey)
    point = good.public_key().public_numbers()
    edwards = new_key(EDDSA)
    raw = spki_of(edwards)[-32:]
    order_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
    small = {
        "order 4": bytes(32),
        "order 1": b"\x01" + bytes(31),
        "order 2": b"\xec" + b"\xff" * 30 + b"\x7f",
        "order 8": bytes.fromhex(order_8),
        "order 8, other sign": bytes.fromhex(order_8[:-2] + "fa"),
        "not canonical": b"\xee" + b"\xff" * 30 + b"\x7f",
    }
    x, y = point.x.to_bytes(32), point.y.to_bytes(32)
    off_curve = bytes([*y[:-1], y[-1] ^ 1])
    return [
        pytest.param(ES256, b"", id="empty"),
        pytest.param(ES256, b"\x30\x00", id="empty sequence"),
        pytest.param(ES256, bytes(1024), id="zeros"),
        pytest.param(ES256, spki_of(good) + b"\x00", id="trailing byte"),
        pytest.param(ES256, spki_of(good)[:-1], id="truncated"),
        pytest.param(ES256, spki_with(good, y, off_curve), id="point outside the curve"),
        pytest.param(ES256, spki_with(good, x + y, bytes(64)), id="point at zero"),
        *[
            pytest.param(EDDSA, spki_with(edwards, raw, point), id=name)
            for name, point in small.items()
        ],
        pytest.param(RS256, spki_of(rsa.generate_private_key(65537, 1024)), id="1024 bits"),
        pytest.param(RS256, spki_of(rsa.generate_private_key(3, 2048)), id="exponent 3"),
        pytest.param(RS256, spki_of(rsa.generate_private_key(65537, 2052)), id="2052 bits"),
    ]


@pytest.mark.parametrize(("algorithm", "spki"), bad_keys())
def test_weak_or_malformed_key_is_rejected(algorithm: int, spki: bytes) -> None:
    body = SoftwareAuthenticator(algorithm).register(CHALLENGE)

    code = registration_code(body | {"publicKey": to_text(spki)})

    assert code == "publicKey weak_or_malformed"


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1()])
def test_key_on_another_curve_is_rejected(curve: ec.EllipticCurve) -> None:
    body = SoftwareAuthenticator().register(CHALLENGE)
    other = to_text(spki_of(ec.generate_private_key(curve)))

    assert registration_code(body | {"publicKey": other}) == "alg wrong_alg"


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_changed_signature_is_rejected(algorithm: int) -> None:
    device = SoftwareAuthenticator(algorithm)
    passkey = register(device.register(CHALLENGE))
    body = device.log_in(CHALLENGE, USER)
    signature = to_bytes(body["signature"])
    other = SoftwareAuthenticator(algorithm).log_in(CHALLENGE, USER)["signature"]

    for wrong in (
        b"",
        b"\x00" * 64,
        signature[:-1],
        signature + b"\x00",
        signature[:-1] + bytes([signature[-1] ^ 1]),
        b"s" * 1024,
        to_bytes(other),
    ):
        code = login_code(body | {"signature": to_text(wrong)}, passkey)

        assert code == "signature wrong_signature"


def test_signature_of_other_data_is_rejected() -> None:
    device = SoftwareAuthenticator(counter=1)
    passkey = register(device.register(CHALLENGE))
    first, second = (device.changed(counter=it).log_in(CHALLENGE, USER) for it in (2, 3))

    assert login_code(first | {"signature": second["signature"]}, passkey) == (
        "signature wrong_signature"
    )


@pytest.mark.parametrize(("stored", "signed"), [(0, 0), (0, 1), (1, 2), (5, 2**32 - 1)])
def test_counter_that_rises_or_stays_zero_is_accepted(stored: int, signed: int) -> None:
    device = SoftwareAuthenticator(counter=stored)
    passkey = register(device.register(CHALLENGE))

    assert log_in(device.changed(counter=signed).log_in(CHALLENGE, USER), passkey) == signed


@pytest.mark.parametrize(("stored", "signed"), [(1, 1), (2, 1), (1, 0), (2**32 - 1, 2**32 - 1)])
def test_counter_that_does_not_rise_is_rejected(stored: int, signed: int) -> None:
    device = SoftwareAuthenticator(counter=stored)
    passkey = register(device.register(CHALLENGE))

    code = login_code(device.changed(counter=signed).log_in(CHALLENGE, USER), passkey)

    assert code == "authenticatorData counter"


@pytest.mark.parametrize("eligible", [True, False])
def test_backup_eligibility_that_changes_is_rejected(eligible: bool) -> None:
    flags = [VERIFIED | BACKUP_ELIGIBLE, VERIFIED]
    first, second = flags if eligible else reversed(flags)
    device = SoftwareAuthenticator(flags=first)
    passkey = register(device.register(CHALLENGE))

    code = login_code(device.changed(flags=second).log_in(CHALLENGE, USER), passkey)

    assert code == "authenticatorData changed_backup"


def test_loopback_allows_each_port_of_localhost_only() -> None:
    local = RelyingParty("localhost", frozenset({"loopback"}))

    assert local.allows("http://localhost:8080") and local.allows("http://localhost")
    for origin in (
        "http://127.0.0.1:8080",
        "https://localhost.evil.example",
        "http://localhost:8080/",
        "http://localhost:8080.evil.example",
        "http://evil.example#http://localhost:80",
        "http://localhost:\n80",
        "loopback",
        "",
    ):
        assert not local.allows(origin), origin
