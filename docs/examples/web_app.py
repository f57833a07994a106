"""A web application with a server. Its users sign in with Shop; the server keeps their tokens."""

import os
import secrets
import ssl
from html import escape
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

Session = dict[str, Any]

ISSUER, REDIRECT_URI = os.environ["SHOP_URL"], os.environ["REDIRECT_URI"]
CLIENT_ID, CLIENT_SECRET = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
SCOPE = "openid profile orders:read"

endpoints = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()
if endpoints["issuer"] != ISSUER:
    raise SystemExit(f"SHOP_URL must be {endpoints['issuer']}")
keys = jwt.PyJWKClient(endpoints["jwks_uri"])  # keeps them for 5 minutes

# By the value of the browser's cookie. A real application has a database that encrypts them.
sessions: dict[str, Session] = {}


def shop(**options: Any) -> OAuth2Session:
    return OAuth2Session(
        CLIENT_ID,
        CLIENT_SECRET,
        redirect_uri=REDIRECT_URI,
        code_challenge_method="S256",
        token_endpoint=endpoints["token_endpoint"],
        default_timeout=10,
        **options,
    )


def start_sign_in() -> tuple[Session, str]:
    """Return a session, and the URL at which its user signs in."""
    names = ("state", "nonce", "code_verifier")
    started = {name: secrets.token_urlsafe(32) for name in names}
    endpoint = endpoints["authorization_endpoint"]
    url, _ = shop().create_authorization_url(endpoint, scope=SCOPE, **started)
    return {"started": started}, url


def finish_sign_in(started: dict[str, str], response: dict[str, str]) -> Session:
    """Return the session of the user who signed in; raise `PermissionError` and others."""
    if response.get("state") != started["state"] or response.get("iss") != ISSUER:
        raise PermissionError("This is no response to a request of this browser.")
    if "error" in response:
        raise PermissionError(response["error"])  # such as access_denied
    client = shop()
    token = client.fetch_token(code=response["code"], code_verifier=started["code_verifier"])
    key = keys.get_signing_key_from_jwt(token["id_token"])
    claims = jwt.decode(
        token["id_token"],
        key,
        algorithms=["ES256"],
        issuer=ISSUER,
        audience=CLIENT_ID,
        options={"require": ["exp", "iat", "sub", "nonce"]},
    )
    user = client.get(endpoints["userinfo_endpoint"]).json()
    if claims["nonce"] != started["nonce"] or claims["sub"] != user["sub"]:
        raise PermissionError("This is no ID token for a request of this browser.")
    return {"user": user, "token": token}


def count_orders(session: Session) -> int:
    """Return the number of the user's orders; raise `OAuthError` if the sign-in ended.

    An access token that ends within a minute is renewed first. Two requests may do so at the same
    time: within 30 s, both get the same refresh token.
    """
    client = shop(token=session["token"], update_token=lambda new, **_: session.update(token=new))
    response = client.get(f"{ISSUER}/api/users/me/orders")
    if response.status_code == 401:
        raise OAuthError("invalid_token")
    response.raise_for_status()
    return int(response.json()["meta"]["total"])


class WebApp(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url, (session_id, session) = urlsplit(self.path), self.session()
        if url.path == "/login":
            session, target = start_sign_in()
            self.redirect(target, session)
        elif url.path == "/callback" and "started" in session:
            del sessions[session_id]  # a code is used once
            try:
                signed_in = finish_sign_in(session["started"], dict(parse_qsl(url.query)))
                self.redirect("/", signed_in)
            except (PermissionError, OAuthError, jwt.InvalidTokenError) as error:
                self.show(f"<p>{escape(str(error))}<p><a href='/login'>Try again</a>", status=403)
        elif url.path != "/":
            self.redirect("/")
        elif "user" in session:
            try:
                text = f"{session['user']['name']}: {count_orders(session)} orders"
                self.show(f"<p>{escape(text)}<form method='post'><button>Log out</button></form>")
            except OAuthError:  # revoked, expired, or ended by the user
                del sessions[session_id]
                self.redirect("/login")
        else:
            self.show("<a href='/login'>Sign in with Shop</a>")

    def do_POST(self) -> None:
        session_id, session = self.session()
        if "user" in session:
            del sessions[session_id]
            shop(token=session["token"]).revoke_token(endpoints["revocation_endpoint"])
        self.redirect("/")

    def session(self) -> tuple[str, Session]:
        cookie = SimpleCookie(self.headers["Cookie"]).get("__Host-session")
        session_id = cookie.value if cookie else ""
        return session_id, sessions.get(session_id, {})

    def redirect(self, target: str, session: Session | None = None) -> None:
        self.send_response(303)
        self.send_header("Location", target)
        if session is not None:
            session_id = secrets.token_urlsafe(32)
            sessions[session_id] = session
            cookie = f"__Host-session={session_id}; Path=/; Secure; HttpOnly; SameSite=Lax"
            self.send_header("Set-Cookie", cookie)
        self.end_headers()

    def show(self, html: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(html.encode())


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", urlsplit(REDIRECT_URI).port or 443), WebApp)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["CERTIFICATE"])
    # The handshake waits for the thread of its connection: browsers open spare ones.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    print(f"Open {REDIRECT_URI.removesuffix('callback')}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
