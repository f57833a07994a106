"""Webhooks reach public addresses only."""

import pytest

from shop.webhooks.addresses import is_loopback, is_public

NOT_PUBLIC = {
    "this network": "0.0.0.0 0.1.2.3",
    "private": "10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255",
    "shared, with a metadata service": "100.64.0.1 100.100.100.200 100.127.255.255",
    "loopback": "127.0.0.1 127.0.0.53 127.255.255.254",
    "link-local, with metadata and X-Ray": (
        "169.254.0.1 169.254.169.254 169.254.170.2 169.254.79.129 169.254.100.1"
    ),
    "protocol assignments": "192.0.0.1 192.0.0.9 192.0.0.10 192.0.0.170 192.0.0.192",
    "documentation": "192.0.2.1 198.51.100.1 203.0.113.1",
    "AS112, AMT, 6to4 relays": "192.31.196.1 192.175.48.1 192.52.193.1 192.88.99.1",
    "benchmarking": "198.18.0.1 198.19.255.255",
    "multicast": "224.0.0.1 224.0.0.251 232.1.2.3 239.255.255.250",
    "reserved, broadcast": "240.0.0.1 250.1.2.3 255.255.255.255",
    "unspecified and loopback": ":: ::1 ::2",
    "mapped IPv4": (
        "::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:7f00:1"
    ),
    "compatible IPv4": "::127.0.0.1 ::8.8.8.8",
    "translated IPv4": "64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b:1::7f00:1",
    "discard": "100::1 100:0:0:1::1",
    "protocol assignments, Teredo": "2001::1 2001:0:7f00:1::1 2001:2::1 2001:10::1 2001:20::1",
    "documentation of IPv6": "2001:db8::1 3fff::1 3fff:fff::1",
    "6to4": "2002:7f00:1::1 2002:a9fe:a9fe::1 2002:808:808::1",
    "AS112 of IPv6": "2620:4f:8000::1",
    "unassigned": "5f00::1 4000::1 8000::1",
    "unique local, with metadata": "fc00::1 fd00::1 fd00:ec2::254 fd00:ec2::23",
    "link-local and site-local": "fe80::1 febf::1 fec0::1",
    "scoped": "fe80::1%eth0 fe80::1%25eth0 2606:4700::1%eth0",
    "multicast of IPv6": "ff02::1 ff05::2",
    "other notations": "1.2.3 1 0x7f000001 0177.0.0.1 127.1 08.8.8.8 2130706433",
    "no addresses": "localhost example.com 8.8.8.8.8 8.8.8.256 8.8.8.8/32 [2606:4700::1]",
}
PUBLIC = (
    "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 128.0.0.1 169.253.255.255 "
    "169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 198.17.255.255 198.20.0.0 "
    "203.0.112.255 203.0.114.0 223.255.255.255 52.94.236.248 2001:4860:4860::8888 "
    "2606:4700:4700::1111 2600:1f18::1 2a00:1450::1 2001:200::1 2003::1 2c0f::1"
)


@pytest.mark.parametrize("address", [it for kind in NOT_PUBLIC.values() for it in kind.split()])
def test_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "text", ["", " 8.8.8.8", "8.8.8.8 ", "8.8.8.8\n", "\t8.8.8.8", "8.8.8.8\0"]
)
def test_address_with_other_characters_is_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_address_is_public(address: str) -> None:
    assert is_public(address)


def test_local_stack_reaches_one_loopback_address() -> None:
    assert is_loopback("127.0.0.1")
    for other in ("127.0.0.2", "::1", "::ffff:127.0.0.1", "169.254.169.254", "8.8.8.8", ""):
        assert not is_loopback(other)
