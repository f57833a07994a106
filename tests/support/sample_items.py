"""The items that the events in events/ refer to: user, session, product, order, links and keys."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from shop.caller import Role
from shop.clock import now
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.identity.authenticators.repository import AuthenticatorRepository
from shop.identity.codes.models import AuthenticatorApp
from shop.identity.keys.key_store import key_store
from shop.identity.login_attempts.service import login_attempt
from shop.identity.passwords import hash_password
from shop.identity.recovery.models import Purpose, RecoveryToken
from shop.identity.recovery.repository import RecoveryRepository
from shop.identity.recovery.tokens import digest_of
from shop.identity.sessions.models import IDLE_LIFETIME, Session
from shop.identity.sessions.refresh_tokens import RefreshToken
from shop.identity.sessions.repository import SessionRepository
from shop.money import Money
from shop.oauth import opaque
from shop.oauth.clients.models import (
    ClientSecret,
    ClientStatus,
    ClientType,
    GrantType,
    OAuthClient,
)
from shop.oauth.clients.repository import OAuthClientRepository
from shop.oauth.grants.models import (
    CODE_LIFETIME,
    CONSENT_LIFETIME,
    Consent,
    Family,
    FamilyState,
)
from shop.oauth.grants.repository import GrantRepository
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from shop.webhooks.models import (
    DeliveryStatus,
    EndpointStatus,
    WebhookDelivery,
    WebhookEndpoint,
)
from shop.webhooks.repository import WebhookRepository
from tests.support.fixtures import CLIENT_SECRET, NOON, PASSWORD

_USER = "0190a6b2-7c9e-7b1a-8f00-0000000000a1"
_ADMIN = "0190a6b2-7c9e-7b1a-8f00-0000000000ad"
_SESSION = "0190a6b2-7c9e-7b1a-9f00-0000000000a1"
_PRODUCT = "0190a6b2-7c9e-7b1a-8f00-0000000000b1"
_ORDER = "0190a6b2-7c9e-7b1a-8f00-0000000000c1"
_CLIENT = "0190a6b2-7c9e-7b1a-8f00-0000000000f1"
_APP = "0190a6b2-7c9e-7b1a-8f00-0000000000f2"
_ENROLMENT = "0190a6b2-7c9e-7b1a-8f00-0000000000f3"
_ENDPOINT = "0190a6b2-7c9e-7b1a-8f00-0000000000a9"
_DELIVERY = "0190a6b2-7c9e-7b1a-8f00-0000000000aa"
_EVENT = "0190a6b2-7c9e-5b1a-8f00-0000000000ab"


def add_examples() -> Session:
    """Add the items; return the session of the events."""
    price = Money(Decimal("4.90"), "EUR")
    user = User(
        _USER, "ada@example.com", "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1
    )
    admin = User(
        _ADMIN, "alan@example.com", "Root", UserStatus.ACTIVE, Role.ADMIN, True, NOON, NOON, 1
    )
    product = Product(_PRODUCT, "PEAR", "Pears", price, 10, ProductStatus.ACTIVE, NOON, NOON, 1)
    line = OrderLine(_PRODUCT, "PEAR", "Pears", price, 1, 1)
    order = Order(_ORDER, _USER, OrderStatus.PENDING, price, [line], None, NOON, NOON, 1)
    refresh = RefreshToken(_USER, _SESSION, b"f" * 16, b"s" * 32).digests()
    end = now() + IDLE_LIFETIME
    session = Session(_USER, _SESSION, 1, refresh, now(), now(), end, end, "a browser", "192.0.2.1")
    password_hash = hash_password(PASSWORD)
    UserRepository().add(user, password_hash)
    UserRepository().add(admin, password_hash)
    attempt = login_attempt(user.email, "192.0.2.1").opened(NOON)
    SessionRepository().begin(session, user.email, password_hash, None, attempt)
    # Without the flag of the account: the event of a log-in has no code.
    app = AuthenticatorApp(_USER, _APP, "My phone", b"salt", NOON, expires_at=None)
    enrolment = app._replace(id=_ENROLMENT, expires_at=end)
    for it in (app, enrolment):
        AuthenticatorRepository().add(it, [], attempt)
    ProductRepository().add(product, None)
    OrderRepository().add(order, None)
    client = oauth_client()
    OAuthClientRepository().add(client, None, None)
    WebhookRepository().add(webhook_endpoint(), None, None)
    WebhookRepository().add_delivery(webhook_delivery())
    consent = consent_of(user.id, client, now())
    family = family_of(consent, now())
    GrantRepository().authorize(client, session, None, consent, family, [], ends_session=False)
    key_store().create_if_absent()
    for purpose in Purpose:
        digest = digest_of(f"{purpose}-".ljust(43, "x"))
        RecoveryRepository().add(RecoveryToken(digest, purpose, _USER, user.email, 1, end))
    return session


# Any: fields of many types.
def webhook_endpoint(**fields: Any) -> WebhookEndpoint:
    return WebhookEndpoint(
        id=_ENDPOINT,
        url="https://hooks.example.com/in",
        description=None,
        event_types=["order.placed"],
        status=EndpointStatus.ACTIVE,
        disabled_reason=None,
        secret_version=1,
        previous_secret_expires_at=None,
        failing_since=None,
        created_by=_ADMIN,
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )._replace(**fields)


def webhook_delivery(**fields: Any) -> WebhookDelivery:
    return WebhookDelivery(
        endpoint_id=_ENDPOINT,
        id=_DELIVERY,
        event_id=_EVENT,
        event_type="order.placed",
        body='{"specversion":"1.0","type":"order.placed"}',
        status=DeliveryStatus.PENDING,
        attempts=[],
        tries=0,
        next_attempt_at=NOON,
        response=None,
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )._replace(**fields)


def oauth_client(id_: str = _CLIENT) -> OAuthClient:
    return OAuthClient(
        id=id_,
        name="Invoice robot",
        type=ClientType.CONFIDENTIAL,
        homepage="https://robot.example",
        redirect_uris=["https://robot.example/callback"],
        grant_types=[*GrantType],
        scopes=["openid", "orders:read", "admin:orders:read"],
        status=ClientStatus.ACTIVE,
        secrets=[ClientSecret(new_id(), opaque.digest_of(CLIENT_SECRET), NOON)],
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )


def consent_of(user_id: str, client: OAuthClient, at: datetime) -> Consent:
    return Consent(
        user_id=user_id,
        client_id=client.id,
        grant_id=new_id(),
        scopes=["openid", "orders:read"],
        created_at=at,
        updated_at=at,
        ends_at=at + CONSENT_LIFETIME,
        version=1,
    )


def family_of(consent: Consent, at: datetime) -> Family:
    """Return a family whose code is not exchanged yet."""
    return Family(
        user_id=consent.user_id,
        client_id=consent.client_id,
        id=new_id(),
        grant_id=consent.grant_id,
        generation=1,
        state=FamilyState.CODE,
        scopes=consent.scopes,
        code_digest=b"code",
        code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        redirect_uri="https://robot.example/callback",
        nonce=None,
        authenticated_at=at,
        code_expires_at=at + CODE_LIFETIME,
        created_at=at,
    )
