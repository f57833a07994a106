"""``make smoke``: check over HTTP that a deployment serves; changes nothing."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any  # response bodies are JSON of many shapes
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tools.deployments import Deployment

SECURITY_HEADERS = (
    *("Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options"),
    *("Referrer-Policy", "Content-Security-Policy", "X-Request-Id"),
)
TIMEOUT = 15  # seconds; a cold start may take most of it


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]  # by lower-case name
    body: Any


class CheckFailed(Exception):
    """A failed check, with a short reason."""


class Smoke:
    """Read-only checks of an API by its URL."""

    def __init__(self, url: str, origin: str) -> None:
        self._url = url.rstrip("/")
        self._origin = origin
        self.checks: Mapping[str, Callable[[], None]] = {
            "/health returns ok": lambda: self._check_ok("/health"),
            "/ready returns ok": lambda: self._check_ok("/ready"),
            "the JWKS has keys": self._check_keys,
            "products are listed": self._check_products,
            "no token returns 401": lambda: self._check_error("/api/users/me", 401, "UNAUTHORIZED"),
            "unknown path returns 404": lambda: self._check_error(
                "/nothing/here", 404, "NOT_FOUND"
            ),
            "unknown product returns 404": lambda: self._check_error(
                "/api/products/00000000-0000-7000-8000-000000000000", 404, "NOT_FOUND"
            ),
            "security headers are present": self._check_security_headers,
            "CORS preflight allows the origin": self._check_preflight,
        }

    def run(self, report: Callable[[str], None]) -> bool:
        """Run all checks, report each, and return whether all passed."""
        failed = 0
        for name, check in self.checks.items():
            try:
                check()
            except (CheckFailed, OSError, ValueError, LookupError, TypeError) as error:
                failed += 1
                report(f"  FAILED  {name}: {error}")
            else:
                report(f"  ok      {name}")
        report(f"{self._url}: {len(self.checks) - failed} of {len(self.checks)} checks passed")
        return not failed

    def _request(self, path: str, method: str = "GET", **headers: str) -> Response:
        request = Request(self._url + path, method=method, headers=headers)
        try:
            response = urlopen(request, timeout=TIMEOUT)
        except HTTPError as error:
            response = error
        with response:
            body = json.loads(response.read() or b"null")
            return Response(
                response.status, {n.lower(): it for n, it in response.headers.items()}, body
            )

    def _expect(self, path: str, status: int) -> Response:
        response = self._request(path)
        if response.status != status:
            raise CheckFailed(f"{path} returned {response.status} instead of {status}")
        return response

    def _check_ok(self, path: str) -> None:
        if self._expect(path, 200).body != {"status": "ok"}:
            raise CheckFailed(f"{path} returned another body")

    def _check_keys(self) -> None:
        keys = self._expect("/.well-known/jwks.json", 200).body["keys"]
        if not keys or not all(key.get("kid") for key in keys):
            raise CheckFailed("no keys")

    def _check_products(self) -> None:
        found = self._expect("/api/products?limit=1", 200).body
        if not isinstance(found["data"], list) or found["meta"]["total"] < len(found["data"]):
            raise CheckFailed("the list has another shape")

    def _check_error(self, path: str, status: int, code: str) -> None:
        error = self._expect(path, status).body["error"]
        if error["code"] != code or not error["message"] or not error["requestId"]:
            raise CheckFailed(f"the error is {error}")

    def _check_security_headers(self) -> None:
        for path, status in (("/health", 200), ("/nothing/here", 404)):
            headers = self._expect(path, status).headers
            missing = [name for name in SECURITY_HEADERS if not headers.get(name.lower())]
            if missing:
                raise CheckFailed(f"{path} lacks {', '.join(missing)}")

    def _check_preflight(self) -> None:
        headers = {"Origin": self._origin, "Access-Control-Request-Method": "GET"}
        response = self._request("/api/products", "OPTIONS", **headers)
        allowed = response.headers.get("access-control-allow-origin")
        if response.status != 204 or allowed not in (self._origin, "*"):
            raise CheckFailed(f"{self._origin} gets {response.status} and {allowed}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make smoke", description=__doc__)
    parser.add_argument("--environment", default="default", help="environment in samconfig.toml")
    sys.exit(not smoke_test(Deployment(parser.parse_args().environment)).run(print))


def smoke_test(deployment: Deployment) -> Smoke:
    origin = deployment.parameters()["AllowedOrigins"].split(",")[0]
    # Both values allow many origins; one example each is enough.
    examples = {"*": "https://example.com", "loopback": "http://localhost:3000"}
    return Smoke(deployment.url(), examples.get(origin, origin))


if __name__ == "__main__":
    main()
