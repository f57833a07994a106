"""Settings of the storefront, from the running local stack."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tools.local_cloud.storefront import NOT_RUNNING, settings


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Healthy) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def info_file(folder: Path, url: str, clients: dict[str, str] | None) -> Path:
    path = folder / "stack.json"
    path.write_text(json.dumps({"url": url, "clients": clients}))
    return path


def test_storefront_uses_the_running_stack_and_its_public_client(tmp_path: Path, url: str) -> None:
    found = settings(info_file(tmp_path, url, {"public": "the client"}))

    assert found == {"VITE_SHOP_URL": url, "VITE_CLIENT_ID": "the client"}


def test_storefront_works_without_oauth_clients(tmp_path: Path, url: str) -> None:
    assert settings(info_file(tmp_path, url, None))["VITE_CLIENT_ID"] == ""


def test_storefront_without_a_stack_says_so(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Healthy) as server:
        closed = f"http://127.0.0.1:{server.server_port}"
    for path in (tmp_path / "missing.json", info_file(tmp_path, closed, None)):
        with pytest.raises(SystemExit) as stopped:
            settings(path)

        assert str(stopped.value) == NOT_RUNNING
