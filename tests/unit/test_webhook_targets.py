"""URLs of webhook endpoints."""

import pytest

from shop.webhooks.targets import (
    MAX_URL,
    InvalidTarget,
    loopback_target,
    parse_target,
    public_target,
)

HOST = "https://hooks.example.com"
REJECTED = [
    *("", "x", "https://", "https:///x", "http://hooks.example.com/", "HTTP://hooks.example.com/"),
    *("ftp://hooks.example.com/", "file:///etc/passwd", "gopher://hooks.example.com/"),
    *(
        "javascript:alert(1)",
        "//hooks.example.com/",
        "hooks.example.com",
        "https:hooks.example.com",
    ),
    "https:/hooks.example.com",
    # Names that are not on the Internet
    *("https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://a.localhost/"),
    *("https://printer.local/", "https://db.internal/", "https://metadata.google.internal/"),
    *("https://router.home.arpa/", "https://shop/", "https://a.test/", "https://a.example/"),
    *("https://a.onion/", "https://a.alt/", "https://a.invalid/"),
    # Addresses in all notations
    *("https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/"),
    *("https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/"),
    *("https://127.0.0.0x1/", "https://169.254.169.254/latest/meta-data", "https://[::1]/"),
    *("https://[::ffff:127.0.0.1]/", "https://[fd00:ec2::254]/", "https://[fe80::1%25eth0]/"),
    *("https://8.8.8.8/", "https://[2606:4700::1111]/", "https://[v1.x]/", "https://[::1/"),
    *("https://\uff11\uff12\uff17.0.0.1/", "https://127。0。0。1/", "https://①②⑦.⓪.⓪.①/"),
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    # User names
    *("https://user@hooks.example.com/", "https://user:secret@hooks.example.com/"),
    *("https://hooks.example.com@127.0.0.1/", "https://127.0.0.1@hooks.example.com/"),
    *("https://@hooks.example.com/", "https://hooks.example.com%2f@127.0.0.1/"),
    # Ports
    *(f"{HOST}:{port}/" for port in ("80", "8443", "0", "65536", "-1", "443x", "", "٤٤٣")),
    # Fragments, backslashes, blanks and control characters
    *(f"{HOST}#x", f"{HOST}/#", f"{HOST}\\@evil.com/", f"{HOST}\\evil", f"{HOST}/\\"),
    *(f"{HOST}/a b", f"{HOST}/\r\nX: y", f"{HOST}/\t", "https://ho\noks.example.com/"),
    *(f" {HOST}/", f"{HOST}/ ", f"{HOST}/\x00", f"{HOST}/\u200b", f"{HOST}/\u2028"),
    *(
        f"{HOST}/ü",
        f"{HOST}?q=ü",
        f"{HOST}/%",
        f"{HOST}/%zz",
        f"{HOST}/<",
        f'{HOST}/"',
        f"{HOST}/{{a}}",
    ),
    # Malformed names
    *("https://-hooks.example.com/", "https://hooks-.example.com/", "https://ho_oks.example.com/"),
    *("https://hooks..example.com/", "https://.example.com/", "https://hooks.example.com../"),
    *("https://hooks.example.com./", "https://hooks.shop.123/", "https://hooks.shop.1com/"),
    *("https://%6c%6f%63alhost/", "https://xn--a.com/", f"https://{'a' * 64}.com/"),
    *(f"https://{'a.' * 127}com/", f"{HOST}/{'a' * MAX_URL}"),
]
ACCEPTED = {
    HOST: f"{HOST}/",
    "https://HOOKS.example.COM/In?x=1&y=%20": f"{HOST}/In?x=1&y=%20",
    "HTTPS://hooks.example.com/": f"{HOST}/",
    f"{HOST}:443/": f"{HOST}/",
    f"{HOST}?x": f"{HOST}/?x",
    f"{HOST}//a/../b": f"{HOST}//a/../b",
    "https://bücher.de/": "https://xn--bcher-kva.de/",
    "https://xn--bcher-kva.de/": "https://xn--bcher-kva.de/",
    "https://例え.jp/x": "https://xn--r8jz45g.jp/x",
    "https://a.co/": "https://a.co/",
    # Only the look-up shows where this leads.
    "https://127.0.0.1.nip.io/": "https://127.0.0.1.nip.io/",
    f"{HOST}/{'a' * (MAX_URL - len(HOST) - 1)}": f"{HOST}/{'a' * (MAX_URL - len(HOST) - 1)}",
}


@pytest.mark.parametrize("url", REJECTED)
def test_url_is_rejected(url: str) -> None:
    with pytest.raises(InvalidTarget, match=r"^(Must .*\.)$"):
        public_target(url)


@pytest.mark.parametrize("url", ACCEPTED)
def test_url_is_accepted_in_its_canonical_form(url: str) -> None:
    assert public_target(url).url == ACCEPTED[url]


def test_canonical_url_stays_the_same() -> None:
    for url in ACCEPTED.values():
        assert public_target(url).url == url


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("http://127.0.0.1:8080/in?x", "http://127.0.0.1:8080/in?x"),
        ("http://Localhost", "http://localhost/"),
        ("http://[::1]:80/", "http://[::1]/"),
        ("https://127.0.0.2:443/", "https://127.0.0.2/"),
        ("https://hooks.example.com:8443/", "https://hooks.example.com:8443/"),
    ],
)
def test_local_stack_accepts_any_host_and_port(url: str, canonical: str) -> None:
    assert loopback_target(url).url == canonical


@pytest.mark.parametrize(
    "url",
    [
        *("", "ftp://127.0.0.1/", "http:///in", "http://user@127.0.0.1/", "http://127.0.0.1:0/"),
        *("http://127.0.0.1/#", "http://127.0.0.1/\r\nX: y", "http://127.0.0.1/ü", "127.0.0.1"),
        *("http://ï/", "http://a_b/", "http://a,b/", "http://127.0.0.1/<"),
    ],
)
def test_local_stack_rejects_malformed_urls(url: str) -> None:
    with pytest.raises(InvalidTarget):
        loopback_target(url)


def test_limit_holds_for_the_url_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_TARGETS", "public")
    url = f"https://{'ü' * 30}.com/"
    longer = len(parse_target(url).url) - len(url)
    fill = "a" * (MAX_URL - len(url) - longer)

    assert longer > 0
    assert len(parse_target(url + fill).url) == MAX_URL
    with pytest.raises(InvalidTarget, match="1000"):
        parse_target(url + fill + "a")
