"""The rules of OAuth clients: admins register, change and delete them."""

from collections.abc import Callable, Iterator, Sequence
from copy import replace
from typing import TYPE_CHECKING, Protocol

from shop.caller import Caller, require
from shop.clock import Clock
from shop.errors import (
    Detail,
    Forbidden,
    NotFound,
    PublicClient,
    ServiceUnavailable,
    ValidationFailed,
)
from shop.idempotency import IdempotentRequest, Record
from shop.identifiers import NewId
from shop.oauth.clients.models import (
    MAX_SECRETS,
    ClientSecret,
    ClientStatus,
    GrantType,
    OAuthClient,
)
from shop.oauth.opaque import digest_of
from shop.oauth.redirect_uris import needs_public_client
from shop.oauth.scopes import is_for_admins
from shop.pagination import IndexPage, PageRequest, PageResult
from shop.preconditions import Precondition
from shop.retries import StaleVersion, retry_stale

if TYPE_CHECKING:
    from shop.oauth.clients.requests import (
        ClientSecretCreate,
        OAuthClientCreate,
        OAuthClientListQuery,
        OAuthClientUpdate,
    )


class OAuthClientStore(Protocol):
    """Every write raises `Forbidden` if `by_admin` is no active admin."""

    def find_record(self, idempotency_key: str | None) -> Record | None: ...

    def find_committed_record(self, idempotency_key: str | None) -> Record | None: ...

    def add(self, client: OAuthClient, record: Record | None, by_admin: str | None) -> None:
        """Write client and record together; raise `StaleVersion` if a record is in force."""

    def get(self, client_id: str) -> OAuthClient | None: ...

    def list(
        self, statuses: Sequence[ClientStatus], page_request: PageRequest, is_descending: bool
    ) -> IndexPage[OAuthClient]:
        """List clients by creation time."""

    def save(self, before: OAuthClient, after: OAuthClient, by_admin: str | None) -> None:
        """Write the changes; raise `StaleVersion`."""

    def delete(self, client: OAuthClient, by_admin: str | None) -> None:
        """Delete the client; raise `StaleVersion`."""


class OAuthClientService:
    def __init__(
        self,
        clients: OAuthClientStore,
        clock: Clock,
        new_id: NewId,
        new_secret: Callable[[], str],
    ) -> None:
        self._clients = clients
        self._clock = clock
        self._new_id = new_id
        self._new_secret = new_secret

    def create(
        self, caller: Caller, payload: "OAuthClientCreate", idempotency: IdempotentRequest
    ) -> OAuthClient:
        """Register a client without a secret."""
        require(caller.is_admin)
        idempotency.replay_if_recorded(self._clients.find_record(idempotency.key))
        now = self._clock()
        client = OAuthClient(
            id=self._new_id(),
            name=payload.name,
            type=payload.type,
            homepage=payload.homepage,
            redirect_uris=payload.redirect_uris,
            grant_types=payload.grant_types,
            scopes=payload.scopes,
            status=ClientStatus.ACTIVE,
            secrets=(),
            created_at=now,
            updated_at=now,
            version=1,
        )
        _check(client)
        try:
            self._clients.add(client, idempotency.response_record(client), caller.admin_id)
        except (Forbidden, StaleVersion) as error:
            # An equal request may have registered the client since: replay its response.
            record = self._clients.find_committed_record(idempotency.key)
            idempotency.replay_if_recorded(record)
            if isinstance(error, StaleVersion):
                # The record expired between the write and the read.
                raise ServiceUnavailable(retry_after=1) from None
            raise
        return client

    def read(self, caller: Caller, client_id: str) -> OAuthClient:
        require(caller.is_admin)
        return self._get(client_id)

    def list(self, caller: Caller, query: "OAuthClientListQuery") -> PageResult[OAuthClient]:
        require(caller.is_admin)
        statuses = [query.status] if query.status else [*ClientStatus]
        page_request = query.page_request("oauth clients")
        page = self._clients.list(statuses, page_request, query.is_descending)
        return query.page_result("oauth clients", page, total=None)

    def update(
        self,
        caller: Caller,
        client_id: str,
        payload: "OAuthClientUpdate",
        precondition: Precondition,
    ) -> OAuthClient:
        """Change a client; fewer scopes and a deactivation also apply to its tokens."""
        require(caller.is_admin)
        changes = payload.changes()

        def change(client: OAuthClient) -> OAuthClient:
            precondition.check(client.version)
            changed = replace(client, **changes)
            _check(changed)
            if client.is_active and not changed.is_active:
                changed = replace(changed, deactivated_at=self._clock())
            return changed

        return self._change(caller, client_id, change)

    def create_secret(
        self, caller: Caller, client_id: str, payload: "ClientSecretCreate"
    ) -> tuple[ClientSecret, str]:
        """Create a secret and end the earlier ones, except the newest one on request.

        Return it with its text, which is not stored. Raise `PublicClient`.
        """
        require(caller.is_admin)
        text = self._new_secret()
        secret = ClientSecret(self._new_id(), digest_of(text), self._clock())

        def change(client: OAuthClient) -> OAuthClient:
            if client.is_public:
                raise PublicClient
            kept = client.secrets[: MAX_SECRETS - 1] if payload.keep_previous else ()
            return replace(client, secrets=[secret, *kept])

        self._change(caller, client_id, change)
        return secret, text

    def delete(self, caller: Caller, client_id: str, precondition: Precondition) -> None:
        """Delete a client; its tokens end within a minute."""
        require(caller.is_admin)

        def delete() -> None:
            client = self._get(client_id)
            precondition.check(client.version)
            self._clients.delete(client, caller.admin_id)

        retry_stale(delete)

    def _change(
        self, caller: Caller, client_id: str, change: Callable[[OAuthClient], OAuthClient]
    ) -> OAuthClient:
        def save() -> OAuthClient:
            client = self._get(client_id)
            changed = change(client)
            if changed == client:
                return client
            changed = replace(changed, updated_at=self._clock(), version=client.version + 1)
            self._clients.save(client, changed, caller.admin_id)
            return changed

        return retry_stale(save)

    def _get(self, client_id: str) -> OAuthClient:
        client = self._clients.get(client_id)
        if client is None:
            raise NotFound
        return client


def _check(client: OAuthClient) -> None:
    """Raise `ValidationFailed` for fields that do not fit together."""
    if details := [*_violations(client)]:
        raise ValidationFailed(details=details)


def _violations(client: OAuthClient) -> Iterator[Detail]:
    has = set(client.grant_types).__contains__
    if has(GrantType.AUTHORIZATION_CODE) and not client.redirect_uris:
        message = "Must have a URI, since authorization_code returns to one."
        yield Detail("body.redirectUris", "redirect_uri_missing", message)
    if has(GrantType.REFRESH_TOKEN) and not has(GrantType.AUTHORIZATION_CODE):
        message = "refresh_token requires authorization_code."
        yield Detail("body.grantTypes", "grant_type_missing", message)
    if client.is_public:
        if has(GrantType.CLIENT_CREDENTIALS):
            message = "client_credentials requires a confidential client."
            yield Detail("body.grantTypes", "public_client", message)
        for index, scope in enumerate(client.scopes):
            if is_for_admins(scope):
                message = f"{scope} requires a confidential client."
                yield Detail(f"body.scopes.{index}", "public_client", message)
        return
    for index, uri in enumerate(client.redirect_uris):
        if needs_public_client(uri):
            message = "Must be https for a confidential client."
            yield Detail(f"body.redirectUris.{index}", "confidential_client", message)
