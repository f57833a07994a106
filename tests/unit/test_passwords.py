"""Passwords fit bcrypt and are not easily guessed."""

import bcrypt
import pytest

from shop.identity.accounts.models import Credential
from shop.identity.passwords import (
    hash_password,
    password_matches,
    password_violation,
    rehashed,
    verify_password,
)
from tests.support.fixtures import ALICE
from tests.support.log_lines import LogLines
from tests.support.sam_template import resources

GOOD = "correct horse battery staple"


def test_password_matches_its_own_hash_only() -> None:
    stored = hash_password(GOOD)

    assert stored.startswith("$2b$04$")
    assert password_matches(GOOD, stored)
    assert not password_matches(GOOD + "r", stored)
    assert not password_matches(GOOD, None)


NFC, NFD = "caf\u00e9 am See", "cafe\u0301 am See"


@pytest.mark.parametrize("signed_up", [NFC, NFD])
@pytest.mark.parametrize("typed", [NFC, NFD])
def test_password_matches_in_either_unicode_form(signed_up: str, typed: str) -> None:
    assert password_matches(typed, hash_password(signed_up))


def test_old_hash_of_the_decomposed_form_still_matches() -> None:
    old = bcrypt.hashpw(NFD.encode(), bcrypt.gensalt(4)).decode()
    long = "\u0958" * 12  # 36 bytes, and 72 in NFC, which never composes it
    too_long_in_nfc = bcrypt.hashpw((long * 2).encode(), bcrypt.gensalt(4)).decode()

    assert password_matches(NFD, old)
    assert not password_matches(NFD + "x", old)
    assert password_matches(long * 2, too_long_in_nfc)


@pytest.mark.parametrize(("typed", "comparisons"), [(NFC, 1), (NFD, 2), ("x" * 73, 1)])
@pytest.mark.parametrize("is_known", [True, False])
def test_denial_costs_the_same_for_known_and_unknown_accounts(
    monkeypatch: pytest.MonkeyPatch, typed: str, comparisons: int, is_known: bool
) -> None:
    stored = hash_password("another password") if is_known else None
    compared: list[bytes] = []
    check = bcrypt.checkpw

    def spy(secret: bytes, hashed: bytes) -> bool:
        compared.append(hashed)
        return check(secret, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", spy)

    assert not password_matches(typed, stored)
    assert [hashed[:7] for hashed in compared] == [b"$2b$04$"] * comparisons


def test_overlong_password_is_not_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(form: str, text: str) -> str:
        raise AssertionError(f"{len(text)} characters would be put in order, in minutes")

    monkeypatch.setattr("shop.identity.passwords.normalize", never)
    marks = "\u0301\u0316" * 500_000

    assert not password_matches(marks, None)
    found = password_violation(marks, is_email=False)

    assert found is not None and found[0] == "password_too_long"


def test_password_limits_apply_to_the_composed_form() -> None:
    decomposed = "e\u0301" * 36  # 108 bytes, and 72 in NFC

    assert password_violation(decomposed, is_email=False) is None
    assert password_violation("e\u0301" * 7, is_email=False) == (
        "password_too_short",
        "Must be at least 8 characters.",
    )


def test_password_longer_than_the_bcrypt_limit_never_matches() -> None:
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()

    assert password_matches("x" * 72, stored)
    assert not password_matches("x" * 73, stored)
    assert not password_matches("", None)


@pytest.mark.parametrize("password", [GOOD, "", "x" * 73, "nul\0nul"])
@pytest.mark.parametrize("stored", [None, "$2b$04$" + "." * 53])
def test_every_denial_costs_one_comparison_at_the_deployed_cost(
    monkeypatch: pytest.MonkeyPatch, password: str, stored: str | None
) -> None:
    compared: list[bytes] = []
    check = bcrypt.checkpw

    def spy(secret: bytes, hashed: bytes) -> bool:
        compared.append(hashed)
        return check(secret, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", spy)

    assert not password_matches(password, stored)
    assert [hashed[:7] for hashed in compared] == [b"$2b$04$"]


def test_hash_is_upgraded_only_to_a_higher_deployed_cost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = hash_password(GOOD)
    dearer = bcrypt.hashpw(GOOD.encode(), bcrypt.gensalt(5)).decode()

    assert rehashed(GOOD, stored) is None and rehashed(GOOD, dearer) is None
    monkeypatch.setattr("shop.identity.passwords.setting", {"BCRYPT_COST": "5"}.__getitem__)
    new = rehashed(GOOD, stored)

    assert new is not None and new.startswith("$2b$05$")
    assert password_matches(GOOD, new)


_HASH = "$2b$04$GfRVWchJIfIRhCgIa.7.9eyH8fJk5oZkGfRVWchJIfIRhCgIa.7.9"[:60]


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "plain",
        _HASH[:-1],
        f"{_HASH}.",
        f"{_HASH}\n",
        _HASH.replace("$04", "$03"),
        "$2b$04$" + "é" * 53,
    ],
    ids=["empty", "plain", "short", "long", "newline", "cost", "alphabet"],
)
def test_malformed_stored_hash_matches_nothing_and_triggers_the_alarm(
    stored: str, log: LogLines
) -> None:
    assert not verify_password(GOOD, Credential(ALICE.id, stored))

    (line,) = log()
    assert (line["level"], line["user_id"]) == ("ERROR", ALICE.id)
    metric = resources("AWS::Logs::MetricFilter")["MalformedPasswordHashes"]
    assert metric["FilterPattern"] == f'{{ $.message = "{line["message"]}" }}'


def test_password_verifies_against_its_own_credential_only(log: LogLines) -> None:
    stored = Credential(ALICE.id, hash_password(GOOD))

    assert verify_password(GOOD, stored)
    assert not verify_password(GOOD + "r", stored)
    assert not verify_password(GOOD, None)
    assert log() == []


@pytest.mark.parametrize("password", [GOOD, "ünïcödé wörks", "x7" * 36, "        7"])
def test_strong_passwords_have_no_violation(password: str) -> None:
    assert password_violation(password, is_email=False) is None


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_too_short"),
        ("", "password_too_short"),
        ("é" * 37, "password_too_long"),
        ("x" * 73, "password_too_long"),
        ("with\0nul in it", "password_too_long"),
        ("password1", "password_too_common"),
        ("PassWord1", "password_too_common"),
        ("qwertyuiop", "password_too_common"),
        ("12345678", "password_too_common"),
    ],
)
def test_weak_passwords_have_a_violation(password: str, code: str) -> None:
    found = password_violation(password, is_email=False)

    assert found is not None and found[0] == code
    assert password not in found[1] or not password
