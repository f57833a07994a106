"""Cross-origin requests: which origins may read responses."""

from collections.abc import Iterator

import pytest

from shop.config import setting
from shop.http.cors import allowed_origin, preflight_headers
from tests.support.sam_template import template

HEADER = "Access-Control-Allow-Origin"


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the local stage's origins, with one more origin."""
    setting.cache_clear()
    with monkeypatch.context() as local:
        local.setenv("ALLOWED_ORIGINS", "loopback,https://shop.example")
        yield
    setting.cache_clear()


@pytest.mark.usefixtures("allow")
@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost", "http://localhost:3000", "http://localhost:5173"),
        *("http://127.0.0.1:5173", "http://127.0.0.1", "http://[::1]:5173"),
        *("https://localhost:8443", "https://shop.example"),
    ],
)
def test_loopback_setting_allows_any_port_of_the_own_machine(origin: str) -> None:
    assert allowed_origin(origin, "/api/users") == {HEADER: origin}
    assert preflight_headers(origin, "/api/users")[HEADER] == origin


@pytest.mark.usefixtures("allow")
@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost.evil.example", "http://localhost:1.evil.example", "null", ""),
        *("http://localhost:", "http://localhost:80a", "http://localhost:3000/", "http://local"),
        *("http://localhost:123456", "http://localhost:3000\n", "http://localhost:٣٠٠٠"),
        *("http://evil.example@localhost", "http://localhost@evil.example", "//localhost:3000"),
        *("http://localhost:3000#evil.example", "http://localhost\\.evil.example", "localhost"),
        *("http://127.0.0.1.evil.example", "http://127a0b0c1", "http://127.0.0.2", "http://::1"),
        *("ftp://localhost", "file://localhost", "xhttp://localhost", "http://evillocalhost"),
        *("http://0.0.0.0:3000", "http://192.168.0.2:3000", "https://shop.example:8443"),
    ],
)
def test_loopback_setting_rejects_every_other_origin(origin: str) -> None:
    assert allowed_origin(origin, "/api/users") == {}
    assert HEADER not in preflight_headers(origin, "/api/users")


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "loopback"])
def test_loopback_origins_are_rejected_without_the_setting(origin: str) -> None:
    assert allowed_origin(origin, "/api/users") == {}


@pytest.mark.parametrize(
    "path", ["/oauth/token", "/oauth/revoke", "/oauth/userinfo", "/.well-known/jwks.json"]
)
def test_any_origin_may_use_the_protocol_endpoints(path: str) -> None:
    assert allowed_origin("https://app.example", path) == {HEADER: "*"}
    assert preflight_headers("https://app.example", path)[HEADER] == "*"


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/authorize/"])
def test_no_origin_may_read_the_sign_in_page(path: str) -> None:
    assert allowed_origin("https://shop.example", path) == {}
    assert HEADER not in preflight_headers("https://shop.example", path)


def test_loopback_setting_is_rejected_by_every_deployment_but_the_local_one() -> None:
    rule = template()["Rules"]["LoopbackOriginsAreLocal"]

    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Stage"}, "local"]}]}
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == {
        "Fn::Not": [{"Fn::Contains": [{"Ref": "AllowedOrigins"}, "loopback"]}]
    }
