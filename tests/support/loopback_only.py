"""A guard for tests of code that connects to strangers: nothing leaves this machine."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

_LOCAL_NAMES = ("localhost", "localhost.")


class LoopbackSocket(socket.socket):
    """A socket that fails the test if it connects beyond loopback."""

    def connect(self, address: Any, /) -> None:
        if isinstance(address, tuple) and not ipaddress.ip_address(address[0]).is_loopback:
            pytest.fail(f"would have connected to {address[0]}")
        super().connect(address)


@pytest.fixture
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail the test on any connection or look-up beyond loopback."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **named: Any) -> Any:
        if host not in _LOCAL_NAMES and not _is_number(host):
            pytest.fail(f"would have looked up {host}")
        return look_up(host, port, *args, **named)

    monkeypatch.setattr(socket, "socket", LoopbackSocket)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield


def _is_number(host: str) -> bool:
    """Return whether the resolver reads this as an address without asking anybody."""
    try:
        socket.inet_aton(host)
    except OSError:
        return ":" in host
    return True
