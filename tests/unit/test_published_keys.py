"""Public keys reload when they are old or a key id is new, and failures are not cached."""

import pytest

from shop.identity.keys.published_keys import Jwks, PublishedKeys
from shop.ttl_cached import TtlCached


class FakeParameter:
    """A parameter that counts its reads, and a clock."""

    def __init__(self) -> None:
        self.kids = ["old"]
        self.reads = 0
        self.now = 0.0
        self.is_broken = False

    def load(self) -> Jwks:
        self.reads += 1
        if self.is_broken:
            raise ConnectionError
        return {"keys": [{"kid": kid} for kid in self.kids]}

    def keys(self) -> PublishedKeys:
        return PublishedKeys(TtlCached(self.load, lambda: self.now))


def test_known_key_is_loaded_once_in_five_minutes() -> None:
    parameter = FakeParameter()
    keys = parameter.keys()

    for second in (0, 1, 299):
        parameter.now = second
        assert keys.find("old") == {"kid": "old"}
    assert parameter.reads == 1

    parameter.now = 300
    assert keys.find("old") == {"kid": "old"}
    assert parameter.reads == 2


def test_unknown_key_reloads_at_most_every_30_seconds() -> None:
    parameter = FakeParameter()
    keys = parameter.keys()

    assert all(keys.find("new") is None for _ in range(100))
    assert parameter.reads == 1

    parameter.kids, parameter.now = ["old", "new"], 30
    assert keys.find("new") == {"kid": "new"}
    assert parameter.reads == 2


def test_load_failure_is_raised_and_not_cached() -> None:
    parameter = FakeParameter()
    keys = parameter.keys()
    parameter.is_broken = True

    for _ in range(2):
        with pytest.raises(ConnectionError):
            keys.find("old")
    assert parameter.reads == 2

    parameter.is_broken = False
    assert keys.find("old") == {"kid": "old"}


def test_expired_keys_are_not_used_after_a_failed_reload() -> None:
    parameter = FakeParameter()
    keys = parameter.keys()
    keys.find("old")
    parameter.is_broken, parameter.now = True, 300

    with pytest.raises(ConnectionError):
        keys.find("old")
