"""The storefront of `examples/storefront`: built once, and served from this process."""

import os
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

from tests.support.deployed_shop import Shop
from tools.local_cloud.storefront import FOLDER, variables

SCOPES = ["account:read", "orders:read", "orders:write"]


class Storefront:
    """The built files on any port of 127.0.0.1, for one stack."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        client = shop.oauth_client(
            name="Storefront",
            type="public",
            redirectUris=["http://127.0.0.1/callback"],
            grantTypes=["authorization_code", "refresh_token"],
            scopes=SCOPES,
        )
        self.client_id = str(client["id"])
        subprocess.run(
            [
                "node_modules/.bin/vite",
                "build",
                "--outDir",
                folder,
                "--emptyOutDir",
                "--logLevel",
                "warn",
            ],
            cwd=FOLDER,
            env=os.environ | variables(shop.url, self.client_id),
            check=True,
        )
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(_Handler, directory=str(folder))
        )
        self._thread = Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        # The redirect URI is a path of the same page.
        if self.path.startswith("/callback"):
            self.path = "/"
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Log nothing."""
