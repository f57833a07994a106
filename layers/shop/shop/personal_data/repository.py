"""The personal data of a user in all tables, read in parallel."""

from collections.abc import Callable
from functools import partial
from typing import Any  # `gather` returns what the calls return

from shop.dynamo import tables
from shop.dynamo.reads import batch_get
from shop.gather import gather
from shop.identity.authenticators.repository import AuthenticatorRepository
from shop.identity.sessions.repository import SessionRepository
from shop.oauth.clients.repository import client_from_item
from shop.oauth.grants.repository import GrantRepository
from shop.orders.items import find_orders
from shop.orders.models import Order
from shop.pagination import IndexPage
from shop.personal_data.models import MAX_ORDERS, AccountData
from shop.users.items import find_user
from shop.users.models import User
from shop.webhooks.repository import WebhookRepository

_MAX_KEYS = 100  # of a batch


class PersonalDataRepository:
    def account(self, user_id: str) -> tuple[User | None, AccountData, IndexPage[Order]]:
        """Return everything, with the first page of orders.

        1 read unit for the user and each client, and 1 for each 4 KB of orders, sessions,
        authenticators, grants and endpoints.
        """
        calls: list[Callable[[], Any]] = [
            partial(find_user, user_id),
            partial(SessionRepository().of_user, user_id),
            partial(AuthenticatorRepository().list, user_id),
            partial(GrantRepository().of_user, user_id),
            WebhookRepository().list,
            partial(find_orders, user_id, None, MAX_ORDERS),
        ]
        user, (sessions, _), authenticators, (consents, families), endpoints, orders = gather(calls)
        client_ids = dict.fromkeys(it.client_id for it in (*consents, *families))
        account = AccountData(
            sessions, authenticators, consents, families, _app_names([*client_ids]), endpoints
        )
        return user, account, orders

    def orders(self, user_id: str, after: str) -> tuple[User | None, IndexPage[Order]]:
        """Return a page of orders. 1 read unit, and 1 for each 4 KB."""
        calls: list[Callable[[], Any]] = [
            partial(find_user, user_id),
            partial(find_orders, user_id, after, MAX_ORDERS),
        ]
        user, orders = gather(calls)
        return user, orders


def _app_names(client_ids: list[str]) -> dict[str, str]:
    """Return the names of the clients that exist, by id."""
    names: dict[str, str] = {}
    for first in range(0, len(client_ids), _MAX_KEYS):
        keys = [{"id": id_} for id_ in client_ids[first : first + _MAX_KEYS]]
        found = batch_get({tables.oauth_clients(): keys})[tables.oauth_clients()]
        names |= {client.id: client.name for client in map(client_from_item, found)}
    return names
