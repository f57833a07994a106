"""The personal data of a user, and what the shop states about each kind of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from shop.identity.authenticators.models import Authenticator
from shop.identity.sessions.models import Session
from shop.oauth.grants.models import Consent, Family
from shop.orders.models import Order
from shop.users.models import User
from shop.webhooks.models import WebhookEndpoint

MAX_ORDERS = 500  # on a page, if they fit into the 1 MB of a query


class Category(NamedTuple):
    """A kind of personal data: the information of Article 15 of the GDPR."""

    data: str
    purpose: str
    kept_for: str
    events: str | None = None  # the prefix of the webhook events that contain it
    omitted: str | None = None  # why the export does not contain it


class AccountData(NamedTuple):
    """All data of a user except orders, and the webhook endpoints of the deployment."""

    sessions: Sequence[Session]
    authenticators: Sequence[Authenticator]
    consents: Sequence[Consent]
    families: Sequence[Family]
    app_names: Mapping[str, str]  # by client id; deleted clients are absent
    endpoints: Sequence[WebhookEndpoint]


class Statement(NamedTuple):
    """A category, and the hosts that receive its data by webhooks."""

    category: Category
    recipients: Sequence[str]


class PersonalData(NamedTuple):
    """A page: orders, and on the first page everything else."""

    exported_at: datetime
    user: User
    account: AccountData | None
    statements: Sequence[Statement]
    orders: Sequence[Order]
    next_cursor: str | None
