"""Fixtures of several unit tests."""

import pytest


@pytest.fixture
def no_time_to_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """End a change at its first stale version."""
    monkeypatch.setattr("shop.retries.MAX_RETRY_SECONDS", 0.0)
