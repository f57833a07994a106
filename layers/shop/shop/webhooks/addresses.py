"""The IP addresses that a webhook may reach: public unicast addresses only."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

LOOPBACK = "127.0.0.1"

# Beyond `is_global`: https://www.iana.org/assignments/iana-ipv4-special-registry
_REJECTED_V4 = [
    IPv4Network(it)
    for it in (
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is a metadata service of Oracle Cloud
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # relays of 6to4
        "192.175.48.0/24",  # AS112
        "224.0.0.0/4",  # multicast, which Python treats as global
    )
]
# An allow-list, since ranges that are unassigned today may get any meaning. IPv4 addresses inside
# IPv6 ones (::ffff:0:0/96, 64:ff9b::/96) are outside of it.
_UNICAST_V6 = IPv6Network("2000::/3")
# https://www.iana.org/assignments/iana-ipv6-special-registry
_REJECTED_V6 = [
    IPv6Network(it)
    for it in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which contains an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]


def is_public(text: str) -> bool:
    """Return whether this is a public address, as the resolver spells it."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in it for it in _REJECTED_V4)
    is_unicast = address.scope_id is None and address in _UNICAST_V6
    return is_unicast and not any(address in it for it in _REJECTED_V6)


def is_loopback(text: str) -> bool:
    """Return whether this is 127.0.0.1, the only address of receivers of a local stack."""
    return text == LOOPBACK
