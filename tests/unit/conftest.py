"""What several unit tests need."""

import pytest


@pytest.fixture
def no_time_to_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first stale version of a change ends it."""
    monkeypatch.setattr("shop.retries.BUDGET", 0.0)
