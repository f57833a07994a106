"""Fixtures: the scripted API, without waiting."""

import random

import pytest
from scripted import Fake

from shop_client._io import AsyncIo, Io


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the seconds of each wait instead of waiting, with the longest jitter."""
    found: list[float] = []

    async def sleep(io: AsyncIo, seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(AsyncIo, "sleep", sleep)
    monkeypatch.setattr(Io, "sleep", lambda _, seconds: found.append(seconds))
    monkeypatch.setattr(random, "uniform", lambda _, most: most)
    return found


@pytest.fixture(params=["threads", "tasks"])
def fake(request: pytest.FixtureRequest, waits: list[float]) -> Fake:
    return Fake(request.param, waits)
