"""The rules of the export: access, recipients and the notice to the user."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from shop.caller import Caller, require
from shop.clock import Clock
from shop.email_queue import PERSONAL_DATA_EXPORTED
from shop.errors import NotFound
from shop.orders.models import Order
from shop.pagination import IndexPage
from shop.personal_data.models import AccountData, Category, PersonalData, Statement
from shop.users.models import User
from shop.webhooks.models import ALL_EVENTS, WebhookEndpoint

if TYPE_CHECKING:
    from shop.personal_data.requests import PersonalDataQuery


class PersonalDataStore(Protocol):
    def account(self, user_id: str) -> tuple[User | None, AccountData, IndexPage[Order]]:
        """Return everything, with the first page of orders, oldest first."""

    def orders(self, user_id: str, after: str) -> tuple[User | None, IndexPage[Order]]:
        """Return the page of orders after this order's id."""


class EmailQueue(Protocol):
    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None:
        """Request an email."""


class PersonalDataService:
    def __init__(
        self,
        store: PersonalDataStore,
        emails: EmailQueue,
        categories: Callable[[], Sequence[Category]],
        clock: Clock,
    ) -> None:
        self._store = store
        self._emails = emails
        self._categories = categories
        self._clock = clock

    def export(self, caller: Caller, user_id: str, query: "PersonalDataQuery") -> PersonalData:
        """Return a page, without a snapshot: orders placed meanwhile may be on the last one.

        The first page requests an email to the user, of which one a day is sent: a stolen token
        reads former addresses and IP addresses here.
        """
        caller = caller.within(None, None)  # closed to third-party apps
        require(caller.may_act_for(user_id))
        position = query.position(user_id)
        account = None
        if position is None:
            user, account, orders = self._store.account(user_id)
        else:
            user, orders = self._store.orders(user_id, position)
        if user is None:
            raise NotFound
        now = self._clock()
        if account is not None:
            id_ = str(uuid5(UUID(user_id), f"personal data exported {now:%Y-%m-%d}"))
            self._emails.put(id_, PERSONAL_DATA_EXPORTED, now, {"userId": user_id})
        return PersonalData(
            exported_at=now,
            user=user,
            account=account,
            statements=self._statements(account),
            orders=orders.items,
            next_cursor=query.cursor_at(user_id, orders.next_position),
        )

    def _statements(self, account: AccountData | None) -> Sequence[Statement]:
        if account is None:
            return ()
        return [
            Statement(category, _recipients(category, account.endpoints))
            for category in self._categories()
        ]


def _recipients(category: Category, endpoints: Sequence[WebhookEndpoint]) -> Sequence[str]:
    """Return the hosts of the active endpoints that receive such events.

    A person may ask for the actual recipients, not for their kinds (CJEU, C-154/21).
    """
    prefix = category.events
    if prefix is None:
        return ()
    hosts = {
        urlsplit(endpoint.url).hostname or ""
        for endpoint in endpoints
        if endpoint.is_active
        and any(it == ALL_EVENTS or it.startswith(prefix) for it in endpoint.event_types)
    }
    return sorted(hosts)
