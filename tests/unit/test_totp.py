"""Codes of authenticator apps, by the vectors of RFC 6238 and RFC 4226, and recovery codes."""

from base64 import b32decode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from shop.identity.codes.recovery_codes import COUNT, LENGTH, digest_of, new_codes, shown
from shop.identity.codes.service import canonical_code
from shop.identity.codes.totp import (
    STEP,
    code_at,
    matching_step,
    secret_text,
    step_at,
    uri_of,
)

# The secret of both appendices
SECRET = b"12345678901234567890"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_code_is_that_of_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    step = step_at(datetime.fromtimestamp(seconds, UTC))

    assert code_at(SECRET, step, digits=8) == code
    assert code_at(SECRET, step) == code[2:]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        *((0, "755224"), (1, "287082"), (2, "359152"), (3, "969429"), (4, "338314")),
        *((5, "254676"), (6, "287922"), (7, "162583"), (8, "399871"), (9, "520489")),
    ],
)
def test_code_is_that_of_rfc_4226_appendix_d(step: int, code: str) -> None:
    assert code_at(SECRET, step) == code


@pytest.mark.parametrize("steps", [-2, -1, 0, 1, 2])
def test_code_matches_within_one_step(steps: int) -> None:
    code = code_at(SECRET, step_at(NOON) + steps)

    found = matching_step(SECRET, code, NOON)

    assert found == (step_at(NOON) + steps if abs(steps) < 2 else None)


def test_step_changes_every_thirty_seconds() -> None:
    steps = [step_at(NOON + timedelta(seconds=it)) for it in (0, STEP - 1, STEP)]

    assert steps == [step_at(NOON)] * 2 + [step_at(NOON) + 1]


def test_uri_has_the_account_and_all_parameters_of_the_code() -> None:
    uri = urlsplit(uri_of(SECRET, "ada+shop@example.com"))

    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Shop:ada%2Bshop@example.com")
    assert parse_qs(uri.query) == {
        "secret": [secret_text(SECRET)],
        "issuer": ["Shop"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }
    assert b32decode(secret_text(SECRET)) == SECRET


def test_recovery_codes_differ_and_are_readable() -> None:
    codes = new_codes()

    assert len({*codes}) == COUNT
    assert {len(code) for code in codes} == {LENGTH}
    assert not {*"01lo"} & {*"".join(codes)}
    assert all(canonical_code(shown(code)) == code for code in codes)


def test_digest_of_a_recovery_code_depends_on_the_key() -> None:
    digests = {digest_of(key, code) for key in (b"a", b"b") for code in ("234", "235")}

    assert len(digests) == 4
    assert digest_of(b"a", "234") == digest_of(b"a", "234")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("123 456", "123456"),
        (" ABCDE-fghij\n", "abcdefghij"),
        ("", ""),
        ("1" * 41, ""),
        ("1" * 40, "1" * 40),
    ],
)
def test_code_has_one_canonical_form(text: str, code: str) -> None:
    assert canonical_code(text) == code
