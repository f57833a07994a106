"""Challenges of passkeys: valid for five minutes, of one deployment only, without storage."""

from datetime import UTC, datetime, timedelta

import pytest

from shop.identity.passkeys.challenges import LIFETIME, find_challenge, new_challenge
from shop.identity.passkeys.encoding import to_bytes, to_text

NOW = datetime(2026, 11, 22, 18, 6, 0, 123000, UTC)
KEY = b"k" * 32


def test_challenge_is_found_until_it_expires() -> None:
    challenge = new_challenge(KEY, NOW)

    assert challenge.expires_at == NOW.replace(microsecond=0) + LIFETIME
    assert find_challenge(KEY, challenge.text, NOW) == challenge
    just_before = challenge.expires_at - timedelta(milliseconds=1)
    assert find_challenge(KEY, challenge.text, just_before) == challenge
    assert find_challenge(KEY, challenge.text, challenge.expires_at) is None


def test_challenges_differ() -> None:
    challenges = {new_challenge(KEY, NOW) for _ in range(100)}

    assert len({it.text for it in challenges}) == len({it.id for it in challenges}) == 100


def test_challenge_of_another_deployment_is_unknown() -> None:
    assert find_challenge(b"other", new_challenge(KEY, NOW).text, NOW) is None


@pytest.mark.parametrize("position", range(56))
def test_changed_challenge_is_unknown(position: int) -> None:
    raw = bytearray(to_bytes(new_challenge(KEY, NOW).text))
    raw[position] ^= 1

    assert find_challenge(KEY, to_text(bytes(raw)), NOW) is None


@pytest.mark.parametrize(
    "text", ["", "A", "AAAA", "é", "A" * 75, "_" * 75, "A" * 1_000_000, "\ud800", "a b", "A==="]
)
def test_other_text_is_unknown(text: str) -> None:
    assert find_challenge(KEY, text, NOW) is None


def test_padded_or_otherwise_encoded_challenge_is_unknown() -> None:
    text = new_challenge(KEY, NOW).text

    for other in (f"{text}=", f"{text}\n", f" {text}", text + "A", text[:-1]):
        assert find_challenge(KEY, other, NOW) is None
