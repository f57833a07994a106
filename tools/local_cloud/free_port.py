"""Free ports of the loopback address."""

import socket

HOST = "127.0.0.1"


_given: set[int] = set()


def free_port() -> int:
    """Return a port without a listener, and never one twice: its server may not listen yet."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in _given:
            _given.add(port)
            return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do; otherwise a port that was just closed counts as taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
