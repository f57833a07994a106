"""A service without users: counts the shop's orders by status, with a token of its own."""

import os
from collections import Counter
from typing import Any

from authlib.integrations.requests_client import OAuth2Session

ISSUER = os.environ["SHOP_URL"]
CLIENT_ID, CLIENT_SECRET = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]

shop = OAuth2Session(
    CLIENT_ID,
    CLIENT_SECRET,
    token_endpoint=f"{ISSUER}/oauth/token",
    grant_type="client_credentials",
    default_timeout=10,
)


def get(path: str, **query: Any) -> Any:
    """Return JSON of the API. A rejected token is replaced once."""
    if not shop.token:
        shop.fetch_token()
    response = shop.get(f"{ISSUER}{path}", params=query)
    if response.status_code == 401:
        shop.fetch_token()
        response = shop.get(f"{ISSUER}{path}", params=query)
    response.raise_for_status()
    return response.json()


def count_orders() -> Counter[str]:
    """Return the number of orders by status, from every page of the list."""
    found: Counter[str] = Counter()
    query = {"limit": "100"}
    while True:
        page = get("/api/orders", **query)
        found.update(order["status"] for order in page["data"])
        if page["meta"]["nextCursor"] is None:
            return found
        query["cursor"] = page["meta"]["nextCursor"]


if __name__ == "__main__":
    for status, number in count_orders().items():
        print(status, number)
