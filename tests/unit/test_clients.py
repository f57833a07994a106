"""The clients give up in time for a request to be told."""

from typing import Any

import pytest

from shop import clients

REQUEST_SECONDS = 10


@pytest.mark.parametrize(
    "make", [clients.dynamodb, clients.events, clients.parameters, clients.queues, clients.secrets]
)
def test_a_call_that_hangs_is_given_up_within_the_requests_time(make: Any) -> None:
    config = make().meta.config

    tries = config.retries["total_max_attempts"]
    assert tries * max(config.connect_timeout, config.read_timeout) < REQUEST_SECONDS - 2
    assert config.retries["mode"] == "standard"
    assert make() is make()
