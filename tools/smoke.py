"""``make smoke``: whether a deployment serves, asked over HTTP and without changing anything."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any  # answers are JSON of many shapes
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tools.deployments import Deployment

SECURITY_HEADERS = (
    *("Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options"),
    *("Referrer-Policy", "Content-Security-Policy", "X-Request-Id"),
)
TIMEOUT = 15  # seconds, which a cold start may take most of


@dataclass(frozen=True)
class Answer:
    status: int
    # by their names in lower case
    headers: Mapping[str, str]
    body: Any


class Broken(Exception):
    """Why a check fails, in a few words."""


class Smoke:
    """Read-only checks of the API at a URL."""

    def __init__(self, url: str, origin: str) -> None:
        self._url = url.rstrip("/")
        self._origin = origin
        self.checks: Mapping[str, Callable[[], None]] = {
            "/health says ok": lambda: self._is_ok("/health"),
            "/ready says ok": lambda: self._is_ok("/ready"),
            "the JWKS has keys": self._has_keys,
            "products are listed": self._lists_products,
            "no token is 401": lambda: self._is_refused("/api/users/me", 401, "UNAUTHORIZED"),
            "no such path is 404": lambda: self._is_refused("/nothing/here", 404, "NOT_FOUND"),
            "no such product is 404": lambda: self._is_refused(
                "/api/products/00000000-0000-7000-8000-000000000000", 404, "NOT_FOUND"
            ),
            "security headers are there": self._has_security_headers,
            "a preflight lets our origin in": self._answers_preflight,
        }

    def run(self, say: Callable[[str], None]) -> bool:
        """Whether all of them hold; says of each."""
        failed = 0
        for name, check in self.checks.items():
            try:
                check()
            except (Broken, OSError, ValueError, LookupError, TypeError) as error:
                failed += 1
                say(f"  FAILED  {name}: {error}")
            else:
                say(f"  ok      {name}")
        say(f"{self._url}: {len(self.checks) - failed} of {len(self.checks)} checks passed")
        return not failed

    def _ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        request = Request(self._url + path, method=method, headers=headers)
        try:
            answer = urlopen(request, timeout=TIMEOUT)
        except HTTPError as refusal:
            answer = refusal
        with answer:
            body = json.loads(answer.read() or b"null")
            return Answer(answer.status, {n.lower(): it for n, it in answer.headers.items()}, body)

    def _expect(self, path: str, status: int) -> Answer:
        answer = self._ask(path)
        if answer.status != status:
            raise Broken(f"{path} answers {answer.status} instead of {status}")
        return answer

    def _is_ok(self, path: str) -> None:
        if self._expect(path, 200).body != {"status": "ok"}:
            raise Broken(f"{path} says something else")

    def _has_keys(self) -> None:
        keys = self._expect("/.well-known/jwks.json", 200).body["keys"]
        if not keys or not all(key.get("kid") for key in keys):
            raise Broken("there are none")

    def _lists_products(self) -> None:
        found = self._expect("/api/products?limit=1", 200).body
        if not isinstance(found["data"], list) or found["meta"]["total"] < len(found["data"]):
            raise Broken("the list is not as promised")

    def _is_refused(self, path: str, status: int, code: str) -> None:
        error = self._expect(path, status).body["error"]
        if error["code"] != code or not error["message"] or not error["requestId"]:
            raise Broken(f"the error is {error}")

    def _has_security_headers(self) -> None:
        for path, status in (("/health", 200), ("/nothing/here", 404)):
            headers = self._expect(path, status).headers
            missing = [name for name in SECURITY_HEADERS if not headers.get(name.lower())]
            if missing:
                raise Broken(f"{path} lacks {', '.join(missing)}")

    def _answers_preflight(self) -> None:
        asked = {"Origin": self._origin, "Access-Control-Request-Method": "GET"}
        answer = self._ask("/api/products", "OPTIONS", **asked)
        allowed = answer.headers.get("access-control-allow-origin")
        if answer.status != 204 or allowed not in (self._origin, "*"):
            raise Broken(f"{self._origin} gets {answer.status} and {allowed}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make smoke", description=__doc__)
    parser.add_argument("--environment", default="default", help="of samconfig.toml")
    sys.exit(not smoke_of(Deployment(parser.parse_args().environment)).run(print))


def smoke_of(deployment: Deployment) -> Smoke:
    origin = deployment.parameters()["AllowedOrigins"].split(",")[0]
    # Both name many origins, of which one is as good as another.
    some = {"*": "https://example.com", "loopback": "http://localhost:3000"}
    return Smoke(deployment.url(), some.get(origin, origin))


if __name__ == "__main__":
    main()
