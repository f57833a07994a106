"""Client timeouts end before the request's deadline."""

from typing import Any

import pytest

from shop import clients

REQUEST_SECONDS = 10


@pytest.mark.parametrize(
    "make", [clients.dynamodb, clients.events, clients.parameters, clients.queues, clients.secrets]
)
def test_hanging_call_times_out_within_the_request(make: Any) -> None:
    config = make().meta.config

    tries = config.retries["total_max_attempts"]
    assert tries * max(config.connect_timeout, config.read_timeout) < REQUEST_SECONDS - 2
    assert config.retries["mode"] == "standard"
    assert make() is make()
