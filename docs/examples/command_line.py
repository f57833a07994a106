"""A program on the user's machine: prints the user's orders. The browser opens once."""

import json
import os
import secrets
import webbrowser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

ISSUER, CLIENT_ID = os.environ["SHOP_URL"], os.environ["CLIENT_ID"]
SCOPE = "orders:read"
# A mobile application uses the keychain of its system.
TOKEN_FILE = Path(os.environ.get("TOKEN_FILE", Path.home() / ".shop-orders.json"))


def load_token() -> dict[str, Any] | None:
    return json.loads(TOKEN_FILE.read_text()) if TOKEN_FILE.exists() else None


def save_token(token: dict[str, Any], **_: Any) -> None:
    TOKEN_FILE.touch(mode=0o600)
    TOKEN_FILE.write_text(json.dumps(token))


class Callback(BaseHTTPRequestHandler):
    """Receives the browser, and ignores each request without the `state` of this sign-in."""

    server: "CallbackServer"
    timeout = 2  # seconds; browsers open spare connections

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        response = dict(parse_qsl(url.query))
        is_ours = url.path == "/callback" and response.get("state") == self.server.state
        self.send_response(200 if is_ours else 404)
        self.end_headers()
        if is_ours:
            self.server.response = response
            self.wfile.write(b"You may close this page.")

    def log_message(self, *_: object) -> None:
        """Log nothing: the request line has the code."""


class CallbackServer(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Callback)  # 0: any free port
        self.state = secrets.token_urlsafe(32)
        self.response: dict[str, str] = {}


def sign_in(client: OAuth2Session) -> None:
    """Let the user sign in with the browser, and store the tokens."""
    code_verifier = secrets.token_urlsafe(32)
    with CallbackServer() as server:
        client.redirect_uri = f"http://127.0.0.1:{server.server_port}/callback"
        url, _ = client.create_authorization_url(
            f"{ISSUER}/oauth/authorize",
            state=server.state,
            scope=SCOPE,
            code_verifier=code_verifier,
        )
        if not webbrowser.open(url):
            print(f"Open {url}", flush=True)
        while not server.response:
            server.handle_request()
    response = server.response
    if response.get("iss") != ISSUER or "error" in response:
        raise SystemExit(f"Not signed in: {response.get('error', 'another issuer')}")
    save_token(client.fetch_token(code=response["code"], code_verifier=code_verifier))


def read_orders(client: OAuth2Session) -> list[dict[str, Any]]:
    """Return the newest orders; raise `OAuthError` if the user must sign in.

    An access token that ends within a minute is renewed first, and `save_token` is called.
    """
    response = client.get(f"{ISSUER}/api/users/me/orders?sort=-createdAt")
    if response.status_code == 401:
        raise OAuthError("invalid_token")
    response.raise_for_status()
    return list(response.json()["data"])


def main() -> None:
    client = OAuth2Session(
        CLIENT_ID,
        code_challenge_method="S256",
        token_endpoint=f"{ISSUER}/oauth/token",
        token=load_token(),
        update_token=save_token,
        default_timeout=10,
    )
    try:
        orders = read_orders(client)
    except OAuthError:  # no token yet, or it is revoked, expired, or ended by the user
        sign_in(client)
        orders = read_orders(client)
    for order in orders:
        print(order["createdAt"], order["status"], order["total"], order["currency"])
    print(f"{len(orders)} orders")


if __name__ == "__main__":
    main()
