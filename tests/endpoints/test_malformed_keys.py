"""Malformed keys are a 503 while they are stored, and are not cached after their repair."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from shop.caller import Role
from shop.errors import ServiceUnavailable
from shop.identity.keys.key_store import key_store
from shop.identity.keys.published_keys import published_jwks
from shop.identity.sessions.dependencies import access_token_issuer
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ALICE
from tests.support.log_lines import LogLines

type Secret = dict[str, Any]  # JSON


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        key_store().create_if_absent()
        yield


def pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> str:
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    ).decode()


def with_current(stored: str, **changed: object) -> str:
    secret: Secret = json.loads(stored)
    return json.dumps(secret | {"current": secret["current"] | changed})


DAMAGES: dict[str, Callable[[str], str]] = {
    "no JSON": lambda stored: stored[:-1],
    "no object": lambda _: "[]",
    "no keys": lambda _: "{}",
    "no PEM": lambda stored: with_current(stored, pem="malformed"),
    "number": lambda stored: with_current(stored, pem=1),
    "truncated PEM": lambda stored: with_current(
        stored, pem=json.loads(stored)["current"]["pem"][:100]
    ),
    "other curve": lambda stored: with_current(
        stored, pem=pem(ec.generate_private_key(ec.SECP384R1()))
    ),
    "other kind": lambda stored: with_current(
        stored, pem=pem(rsa.generate_private_key(65537, 2048))
    ),
    "encrypted": lambda stored: with_current(
        stored,
        pem=pem(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"password")),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_malformed_signing_key_is_503_until_its_repair(
    damage: Callable[[str], str], log: LogLines
) -> None:
    secrets = boto3.client("secretsmanager")
    name = "signing_keys_secret"
    stored = secrets.get_secret_value(SecretId=name)["SecretString"]
    issue = access_token_issuer()
    secrets.put_secret_value(SecretId=name, SecretString=damage(stored))

    with pytest.raises(ServiceUnavailable) as rejection:
        issue(ALICE.id, ALICE.session_id, Role.CUSTOMER)

    assert rejection.value.retry_after == 1
    assert [line["message"] for line in log()][-1] == "malformed signing key"
    secrets.put_secret_value(SecretId=name, SecretString=stored)
    assert issue(ALICE.id, ALICE.session_id, Role.CUSTOMER).count(".") == 2


COORDINATE = "x" * 43
GOOD = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1"} | {
    "x": COORDINATE,
    "y": COORDINATE,
}
MALFORMED_KEYS: list[Any] = [
    *({}, "abc", 1, GOOD | {"kty": "RSA"}, GOOD | {"crv": "P-384"}, GOOD | {"x": "!!!"}),
    *(GOOD | {"y": COORDINATE + "A"}, GOOD | {"kid": 1}, GOOD | {"x": None}),
    {name: value for name, value in GOOD.items() if name != "x"},
]


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", "{}", '{"keys": []}', '{"keys": "abc"}', '{"keys": {"a": 1}}'),
        *(json.dumps({"keys": [GOOD, key]}) for key in MALFORMED_KEYS),
    ],
)
def test_malformed_published_keys_are_503_until_their_repair(text: str, log: LogLines) -> None:
    parameters = boto3.client("ssm")
    name = "/shop/jwks"
    stored = parameters.get_parameter(Name=name)["Parameter"]["Value"]
    parameters.put_parameter(Name=name, Value=text, Type="String", Overwrite=True)

    with pytest.raises(ServiceUnavailable) as rejection:
        published_jwks().get()

    assert rejection.value.retry_after == 1
    assert [line["message"] for line in log()][-1] == "malformed JWKS"
    parameters.put_parameter(Name=name, Value=stored, Type="String", Overwrite=True)
    assert published_jwks().get() == json.loads(stored)
