"""Constants that tests share: one admin, two customers, their ids, a client and a password."""

from datetime import UTC, datetime

from shop.caller import Caller, Client, Role

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

ALICE = Caller(
    "01900000-0000-7000-8000-00000000000a", "01900000-0000-7000-9000-00000000000a", Role.CUSTOMER
)
BOB = Caller(
    "01900000-0000-7000-8000-00000000000b", "01900000-0000-7000-9000-00000000000b", Role.CUSTOMER
)
ADMIN = Caller(
    "01900000-0000-7000-8000-0000000000ad", "01900000-0000-7000-9000-0000000000ad", Role.ADMIN
)

BROWSER = Client("a browser", "192.0.2.1")
PASSWORD = "correct horse battery staple"
CLIENT_SECRET = "shop_cs_MKBCTN"
