"""Signing keys of the deployed stack rotate and are revoked without the loss of a session.

Functions cache keys for 5 minutes. Tests restart a function only for assertions about the time
after that; all other assertions hold with the cached keys.
"""

import json
import subprocess
from collections.abc import Iterator
from copy import replace
from datetime import timedelta
from functools import partial
from typing import Any

import httpx2
import jwt
import pytest

from shop.clock import to_text
from shop.identity.keys.key_store import KeyStore
from tests.support.deployed_shop import Person, Shop, error_of, gather
from tests.support.fixtures import PASSWORD
from tests.support.sam_template import ROOT

JWKS = "/shop-local/jwks"


@pytest.fixture(autouse=True)
def restored_keys(shop: Shop) -> Iterator[None]:
    """Keys old enough to rotate; afterwards the original ones, which other tests' logins need."""
    secrets, parameters = shop.stack.client("secretsmanager"), shop.stack.client("ssm")
    secret = shop.stack.resources()["SigningKeysSecret"]
    private = secrets.get_secret_value(SecretId=secret)["SecretString"]
    public = parameters.get_parameter(Name=JWKS)["Parameter"]["Value"]
    grow_old(shop)
    yield
    secrets.put_secret_value(SecretId=secret, SecretString=private)
    parameters.put_parameter(Name=JWKS, Value=public, Type="String", Overwrite=True)
    shop.restart("Authorizer", "CreateAccessToken", "CreateSession", "GetJwks")


def grow_old(shop: Shop) -> None:
    """Age the deployed keys in their store, unchanged otherwise."""
    keys = key_store(shop).private()
    old = replace(keys, changed_at=keys.changed_at - timedelta(hours=1))
    shop.stack.client("secretsmanager").put_secret_value(
        SecretId=shop.stack.resources()["SigningKeysSecret"], SecretString=old.to_secret()
    )


def key_store(shop: Shop) -> KeyStore:
    """Return the deployed key store, with root credentials."""
    secret = shop.stack.resources()["SigningKeysSecret"]
    return KeyStore(shop.stack.client("secretsmanager"), shop.stack.client("ssm"), secret, JWKS)


def published(shop: Shop) -> list[str]:
    text = shop.stack.client("ssm").get_parameter(Name=JWKS)["Parameter"]["Value"]
    return [key["kid"] for key in json.loads(text)["keys"]]


def change_keys(shop: Shop, event: dict[str, Any]) -> list[str]:
    response = shop.stack.client("lambda").invoke(
        FunctionName=shop.stack.resources()["RotateSigningKeys"],
        Qualifier="live",
        Payload=json.dumps(event),
    )
    result = json.loads(response["Payload"].read())
    assert "FunctionError" not in response, result
    kids: list[str] = result["kids"]
    return kids


def new_token(shop: Shop, person: Person) -> str:
    """Return an unused token, for which the gateway has no cached authorizer result."""
    body = {"email": person.email, "password": PASSWORD}
    response = shop.anonymous.post("/api/sessions", json=body)
    assert response.status_code == 201, response.text
    token: str = response.json()["accessToken"]
    return token


def kid_of(token: str) -> str:
    kid: str = jwt.get_unverified_header(token)["kid"]
    return kid


def me(shop: Shop, token: str) -> httpx2.Response:
    return shop.client(token).get("/api/users/me")


def test_rotation_ends_no_session_and_signs_with_a_published_key(shop: Shop) -> None:
    person = shop.sign_up()
    previous, current, following = published(shop)
    before = new_token(shop, person)
    assert kid_of(before) == current

    rotated = change_keys(shop, {})
    # The former signing key is still valid: functions use it until they reload.
    meanwhile = new_token(shop, person)
    # CreateSession has reloaded, the authorizer has not.
    shop.restart("CreateSession")
    after = new_token(shop, person)

    assert rotated == published(shop) == [current, following, rotated[2]]
    assert rotated[2] not in (previous, current, following)
    assert (kid_of(meanwhile), kid_of(after)) == (current, following)
    for token in (before, meanwhile, after):
        assert me(shop, token).status_code == 200


def test_tokens_signed_before_a_rotation_verify_after_a_reload(shop: Shop) -> None:
    person = shop.sign_up()
    token = new_token(shop, person)

    change_keys(shop, {})
    shop.restart("Authorizer")

    assert me(shop, token).status_code == 200


def test_first_key_is_removed_after_two_rotations(shop: Shop) -> None:
    person = shop.sign_up()
    token = new_token(shop, person)
    first = kid_of(token)

    change_keys(shop, {})
    grow_old(shop)
    change_keys(shop, {})
    shop.restart("GetJwks", "Authorizer", "CreateSession")

    jwks = shop.anonymous.get("/.well-known/jwks.json").json()
    assert [key["kid"] for key in jwks["keys"]] == published(shop) == key_store(shop).private().kids
    assert first not in json.dumps(jwks)
    assert error_of(me(shop, token)) == (401, "UNAUTHORIZED")
    assert me(shop, new_token(shop, person)).status_code == 200


def test_parallel_rotations_rotate_once(shop: Shop) -> None:
    for _ in range(5):
        before = published(shop)
        results = gather(4, lambda _: change_keys(shop, {}))

        after = key_store(shop).private().kids
        assert after[:2] == before[1:]
        assert results == [after] * 4 and published(shop) == after
        grow_old(shop)


def test_parallel_revocation_and_rotation_remove_all_old_keys(shop: Shop) -> None:
    for _ in range(5):
        before = published(shop)
        gather(4, lambda n: change_keys(shop, {"revoke": True} if n % 2 else {}))

        after = key_store(shop).private().kids
        assert not set(before) & set(after)
        assert published(shop) == after
        grow_old(shop)


def test_rotation_overtaken_by_the_deployed_one_adopts_its_keys(shop: Shop) -> None:
    slow = key_store(shop)
    before = published(shop)
    events = shop.stack.client("secretsmanager").meta.events
    faster: list[list[str]] = []

    def overtake(**_: Any) -> None:
        events.unregister("before-call.secrets-manager.PutSecretValue", overtake)
        faster.append(change_keys(shop, {}))

    events.register("before-call.secrets-manager.PutSecretValue", overtake)
    kids = slow.rotate().kids

    assert [kids] == faster
    assert kids == published(shop) == key_store(shop).private().kids
    assert kids[:2] == before[1:]


def test_revocation_invalidates_every_token_but_no_session(shop: Shop) -> None:
    person = shop.sign_up()
    token = new_token(shop, person)
    before = published(shop)
    stored = shop.everything()

    revoked = change_keys(shop, {"revoke": True})
    # State 5 minutes later.
    shop.restart("Authorizer", "CreateAccessToken", "CreateSession")

    assert not set(before) & set(revoked)
    assert revoked == published(shop) == key_store(shop).private().kids
    assert error_of(me(shop, token)) == (401, "UNAUTHORIZED")
    assert shop.everything() == stored
    again = new_token(shop, person)
    body = {"refreshToken": person.grant["refreshToken"]}
    refreshed = shop.anonymous.post("/api/access-tokens", json=body).json()["accessToken"]
    for fresh in (again, refreshed):
        assert kid_of(fresh) == revoked[1]
        assert me(shop, fresh).status_code == 200
    assert shop.anonymous.get("/ready").status_code == 200


def test_malformed_signing_key_is_503_and_its_repair_works_immediately(shop: Shop) -> None:
    person = shop.sign_up()
    credentials = {"email": person.email, "password": PASSWORD}
    spent = {"refreshToken": person.grant["refreshToken"]}
    secrets = shop.stack.client("secretsmanager")
    secret = shop.stack.resources()["SigningKeysSecret"]
    stored = secrets.get_secret_value(SecretId=secret)["SecretString"]
    keys = json.loads(stored)
    malformed = keys | {"current": keys["current"] | {"pem": "malformed"}}
    secrets.put_secret_value(SecretId=secret, SecretString=json.dumps(malformed))
    shop.restart("CreateAccessToken", "CreateSession")
    sessions = len(person.http.get("/api/sessions").json()["data"])

    for _ in range(2):  # the second request meets the sandbox whose first load failed
        for response in (
            shop.anonymous.post("/api/sessions", json=credentials),
            shop.anonymous.post("/api/access-tokens", json=spent),
        ):
            assert error_of(response) == (503, "SERVICE_UNAVAILABLE")
            assert response.headers["Retry-After"] == "1"
    assert len(person.http.get("/api/sessions").json()["data"]) == sessions

    secrets.put_secret_value(SecretId=secret, SecretString=stored)

    assert shop.anonymous.post("/api/sessions", json=credentials).status_code == 201
    assert shop.anonymous.post("/api/access-tokens", json=spent).status_code == 201


def test_private_keys_are_not_logged(shop: Shop) -> None:
    change_keys(shop, {})

    logs = shop.stack.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/shop-local/ops")
    lines = [event["message"] for page in pages for event in page["events"]]

    assert any("signing keys changed" in line for line in lines)
    assert not any("PRIVATE" in line for line in lines)


def test_make_rotates_and_revokes_the_keys_of_a_deployment(shop: Shop) -> None:
    environment = shop.stack.environment()
    run = partial(subprocess.run, cwd=ROOT, env=environment, capture_output=True, text=True)
    before = published(shop)

    rotated = run(["make", "rotate-keys", "ENV=default"])
    first = published(shop)
    revoked = run(["make", "rotate-keys", "ENV=default", "REVOKE=1"])
    second = published(shop)

    assert rotated.returncode == 0, rotated.stderr
    assert "Nothing" not in rotated.stderr + revoked.stderr
    assert revoked.returncode == 0, revoked.stderr
    assert first[:2] == before[1:] and json.loads(rotated.stdout) == {"kids": first}
    assert not set(first) & set(second) and json.loads(revoked.stdout) == {"kids": second}


def test_make_rotate_keys_reports_no_change(shop: Shop) -> None:
    run = partial(
        subprocess.run, cwd=ROOT, env=shop.stack.environment(), capture_output=True, text=True
    )
    run(["make", "rotate-keys", "ENV=default"])
    kids = published(shop)
    due = to_text(key_store(shop).private().changed_at + timedelta(minutes=20))

    again = run(["make", "rotate-keys", "ENV=default"])
    dry = run(["make", "rotate-keys", "ENV=default", "DRY_RUN=1"])

    assert again.returncode == dry.returncode == 0, again.stderr
    assert json.loads(again.stdout) == {"kids": kids, "unchangedUntil": due}
    assert json.loads(dry.stdout) == {"kids": kids, "then": kids, "unchangedUntil": due}
    assert "Nothing changed: the keys are less than 20 minutes old" in again.stderr
    assert "Nothing would change: the keys are less than 20 minutes old" in dry.stderr
    assert due in again.stderr and due in dry.stderr
    assert published(shop) == kids == key_store(shop).private().kids


def test_make_fails_when_the_function_fails(shop: Shop) -> None:
    before = published(shop)
    shop.stack.client("secretsmanager").put_secret_value(
        SecretId=shop.stack.resources()["SigningKeysSecret"], SecretString="{}"
    )

    done = subprocess.run(
        ["make", "rotate-keys", "ENV=default", "REVOKE=1"],
        cwd=ROOT,
        env=shop.stack.environment(),
        capture_output=True,
        text=True,
    )

    assert done.returncode != 0 and "KeyError" in done.stderr
    assert published(shop) == before


def test_make_requires_an_environment(shop: Shop) -> None:
    before = published(shop)

    done = subprocess.run(
        ["make", "rotate-keys"],
        cwd=ROOT,
        env={n: v for n, v in shop.stack.environment().items() if n != "ENV"},
        capture_output=True,
        text=True,
    )

    assert done.returncode != 0 and "ENV=staging" in done.stderr
    assert published(shop) == before
