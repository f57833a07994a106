"""AWS endpoints of the local cloud's functions."""

import pytest

from tools.local_cloud.emulator.settings import read_settings

ARGUMENTS = (
    *("--port", "1", "--api-port", "2", "--api-name", "shop", "--region", "eu-central-1"),
    *("--state", "state", "--function-log", "log"),
    *("--traces", "traces", "--permission-log", "permissions"),
)


@pytest.mark.parametrize(
    ("function", "endpoint"),
    [("shop-local-GetUser-1", "http://all"), ("shop-local-SendEmail-1", "http://mail")],
)
def test_longest_matching_name_part_selects_the_endpoint(function: str, endpoint: str) -> None:
    endpoints = '{"": "http://all", "SendEmail-": "http://mail"}'

    assert read_settings([*ARGUMENTS, "--endpoints", endpoints]).endpoint_of(function) == endpoint


def test_default_endpoint_is_the_emulator() -> None:
    assert read_settings([*ARGUMENTS]).endpoint_of("shop-local-GetUser-1") == "http://127.0.0.1:1"
