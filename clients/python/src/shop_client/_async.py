"""Asynchronous client: one method per operation of the API."""

from __future__ import annotations

import logging
import time
import webbrowser
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from copy import copy
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx2

from shop_client import _core, bodies, models, oauth, operations
from shop_client._core import Answer, Attempts, Call, Empty, Limits, Lost, Operation, Page
from shop_client._errors import NoAnswer, ShopClientError, ShopError
from shop_client._io import AsyncIo
from shop_client._loopback import Loopback
from shop_client.tokens import (
    AnyCallback,
    AnyTokenStorage,
    AuthorizationCode,
    InMemory,
    KnownTokens,
    Tokens,
    TokenSource,
    UserSession,
    client_authentication,
    tokens_of,
)

# For 30 s, the API exchanges a spent refresh token for the same successor.
MAX_RENEWAL_TIME = 25.0  # seconds
# Concurrent changes can make each attempt of an edit stale.
MAX_EDIT_ATTEMPTS = 5

T = TypeVar("T")
logger = logging.getLogger("shop_client")


class AsyncShop:
    """A client of the API, with the tokens of one user, application or service.

    Methods raise `ShopError` for an error response, and `NoAnswer` without a valid response.
    """

    def __init__(
        self,
        base_url: str,
        *,
        tokens: AnyTokenStorage | None = None,
        token_source: TokenSource | None = None,
        on_session_end: AnyCallback | None = None,
        http_client: httpx2.AsyncClient | None = None,
        timeout: float = 15.0,
        attempts: int = 4,
        longest_wait: float = 20.0,
    ) -> None:
        """Create a client.

        `base_url` includes a stage or base path. `tokens` is in memory by default.
        `on_session_end` is called after the tokens are deleted. `timeout` limits one attempt
        including the whole response, and `longest_wait` the time between two, in seconds.
        """
        limits = Limits(timeout, attempts, longest_wait)
        self._transport = _AsyncTransport(
            _core.checked_base_url(base_url), AsyncIo(http_client), limits
        )
        source = token_source or UserSession()
        storage = tokens or InMemory()
        self._client = _AsyncClient(self._transport, storage, source, on_session_end)
        self.users = AsyncUsers(self._client)
        self.products = AsyncProducts(self._client)
        self.orders = AsyncOrders(self._client)
        self.sessions = AsyncSessions(self._client)
        self.oauth = AsyncOAuth(self._client, source)

    async def sign_up(self, **body: Unpack[bodies.UserCreate]) -> models.User:
        return await self._client.data(operations.CREATE_USER, body=body)

    async def log_in(self, **body: Unpack[bodies.SessionCreate]) -> models.Session:
        """Log in, and save the tokens."""
        grant = await self._client.data(operations.CREATE_SESSION, body=body)
        await self._client.save(tokens_of(grant, None))
        return grant.session

    async def log_out(self) -> None:
        """End the session, and delete the tokens even if no response arrives."""
        try:
            path = {"sessionId": "current"}
            await self._client.request(operations.DELETE_SESSION, path=path)
        except ShopError as error:
            # Both mean that the session has ended: 404 while the gateway still accepts the
            # access token.
            if error.code not in ("UNAUTHORIZED", "NOT_FOUND"):
                raise
        finally:
            await self._client.save(None)

    async def request_password_reset(self, email: str) -> None:
        """Request an email with a link that contains the token for `reset_password`."""
        await self._client.request(operations.CREATE_PASSWORD_RESET, body={"email": email})

    async def reset_password(self, token: str, password: str) -> None:
        """Set a new password, and end all sessions of the user."""
        await self._client.request(
            operations.COMPLETE_PASSWORD_RESET, path={"token": token}, body={"password": password}
        )

    async def request_email_verification(self) -> None:
        """Request an email to the user's address, with the token for `verify_email`."""
        await self._client.request(operations.CREATE_EMAIL_VERIFICATION, body={})

    async def verify_email(self, token: str) -> None:
        await self._client.request(operations.COMPLETE_EMAIL_VERIFICATION, path={"token": token})

    async def request(
        self,
        operation: Operation[T],
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer[T]:
        """Call an operation of `shop_client.operations`, with the same tokens and retries.

        Names in `body` and `query` are in snake case, those in `path` as in the API document.
        """
        return await self._client.request(
            operation, path=path, query=query, body=body, headers=headers
        )

    async def aclose(self) -> None:
        """Close the connections, unless `http_client` was given, after a running renewal."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


class AsyncUsers:
    """Users; `"me"` is the user of the session."""

    def __init__(self, client: _AsyncClient) -> None:
        self._client = client

    def list(self, **query: Unpack[bodies.ListUsersQuery]) -> AsyncIterator[models.User]:
        return self._client.items(operations.LIST_USERS, {}, query)

    async def get(self, user_id: str = "me") -> models.User:
        return await self._client.data(operations.GET_USER, path={"userId": user_id})

    async def replace(self, user_id: str, **body: Unpack[bodies.UserReplace]) -> models.User:
        return await self._client.data(operations.REPLACE_USER, path={"userId": user_id}, body=body)

    async def update(self, user_id: str, **body: Unpack[bodies.UserUpdate]) -> models.User:
        return await self._client.data(operations.UPDATE_USER, path={"userId": user_id}, body=body)

    async def edit(
        self, user_id: str, decide: Callable[[models.User], bodies.UserUpdate]
    ) -> models.User:
        """Change a user by the change that `decide` returns for the present one."""
        return await self._client.edit(
            operations.GET_USER, operations.UPDATE_USER, {"userId": user_id}, decide
        )

    async def delete(self, user_id: str = "me") -> None:
        await self._client.delete(operations.DELETE_USER, {"userId": user_id})
        if user_id == "me":
            await self._client.save(None)

    async def change_password(
        self, user_id: str = "me", **body: Unpack[bodies.PasswordChange]
    ) -> None:
        await self._client.request(operations.CHANGE_PASSWORD, path={"userId": user_id}, body=body)

    async def personal_data(self, user_id: str = "me") -> models.PersonalData:
        """Return everything that is stored about a user: all pages as one document."""
        path = {"userId": user_id}
        first = page = await self._client.data(operations.GET_PERSONAL_DATA, path=path)
        orders = [*page.orders]
        while page.meta.next_cursor is not None:
            query = {"cursor": page.meta.next_cursor}
            page = await self._client.data(operations.GET_PERSONAL_DATA, path=path, query=query)
            orders += page.orders
        return first.model_copy(update={"orders": orders, "meta": page.meta})


class AsyncProducts:
    """Products."""

    def __init__(self, client: _AsyncClient) -> None:
        self._client = client

    def list(self, **query: Unpack[bodies.ListProductsQuery]) -> AsyncIterator[models.Product]:
        return self._client.items(operations.LIST_PRODUCTS, {}, query)

    async def get(self, product_id: str) -> models.Product:
        return await self._client.data(operations.GET_PRODUCT, path={"productId": product_id})

    async def create(
        self, *, idempotency_key: str | None = None, **body: Unpack[bodies.ProductCreate]
    ) -> models.Product:
        """Create a product, once per key."""
        return await self._client.create(operations.CREATE_PRODUCT, {}, body, idempotency_key)

    async def update(self, product_id: str, **body: Unpack[bodies.ProductUpdate]) -> models.Product:
        path = {"productId": product_id}
        return await self._client.data(operations.UPDATE_PRODUCT, path=path, body=body)

    async def edit(
        self, product_id: str, decide: Callable[[models.Product], bodies.ProductUpdate]
    ) -> models.Product:
        """Change a product by the change that `decide` returns for the present one."""
        return await self._client.edit(
            operations.GET_PRODUCT, operations.UPDATE_PRODUCT, {"productId": product_id}, decide
        )

    async def delete(self, product_id: str) -> None:
        await self._client.delete(operations.DELETE_PRODUCT, {"productId": product_id})


class AsyncOrders:
    """Orders of a user; `"me"` is the user of the session."""

    def __init__(self, client: _AsyncClient) -> None:
        self._client = client

    def list(
        self, *, user_id: str = "me", **query: Unpack[bodies.ListOrdersQuery]
    ) -> AsyncIterator[models.Order]:
        return self._client.items(operations.LIST_ORDERS, {"userId": user_id}, query)

    def list_all(self, **query: Unpack[bodies.ListAllOrdersQuery]) -> AsyncIterator[models.Order]:
        """List the orders of all users."""
        return self._client.items(operations.LIST_ALL_ORDERS, {}, query)

    async def get(self, order_id: str, *, user_id: str = "me") -> models.Order:
        path = {"userId": user_id, "orderId": order_id}
        return await self._client.data(operations.GET_ORDER, path=path)

    async def place(
        self,
        *,
        user_id: str = "me",
        idempotency_key: str | None = None,
        **body: Unpack[bodies.OrderPlace],
    ) -> models.Order:
        """Place an order, once per key. Pass a key if your program may retry after a restart."""
        path = {"userId": user_id}
        return await self._client.create(operations.PLACE_ORDER, path, body, idempotency_key)

    async def update(
        self, order_id: str, *, user_id: str = "me", **body: Unpack[bodies.OrderUpdate]
    ) -> models.Order:
        path = {"userId": user_id, "orderId": order_id}
        try:
            return await self._client.data(operations.UPDATE_ORDER, path=path, body=body)
        except ShopError as error:
            # A retry of a committed change is no transition.
            if error.code != "INVALID_TRANSITION" or not error.may_be_done:
                raise
            order = await self._client.data(operations.GET_ORDER, path=path)
            note = body.get("note", order.note)
            is_noted = _core.trimmed(note) == _core.trimmed(order.note)
            if order.status != body.get("status", order.status) or not is_noted:
                raise
            return order

    async def edit(
        self,
        order_id: str,
        decide: Callable[[models.Order], bodies.OrderUpdate],
        *,
        user_id: str = "me",
    ) -> models.Order:
        """Change an order by the change that `decide` returns for the present one."""
        path = {"userId": user_id, "orderId": order_id}
        return await self._client.edit(operations.GET_ORDER, operations.UPDATE_ORDER, path, decide)

    async def cancel(self, order_id: str, *, user_id: str = "me") -> models.Order:
        return await self.update(order_id, user_id=user_id, status="cancelled")


class AsyncSessions:
    """Sessions of the user."""

    def __init__(self, client: _AsyncClient) -> None:
        self._client = client

    async def list(self) -> Sequence[models.Session]:
        return (await self._client.data(operations.LIST_SESSIONS)).data

    async def end(self, session_id: str) -> None:
        await self._client.delete(operations.DELETE_SESSION, {"sessionId": session_id})

    async def end_all(self) -> None:
        """End all sessions, and delete the tokens."""
        try:
            await self._client.request(operations.DELETE_ALL_SESSIONS)
        except ShopError as error:
            # After a lost response, this session has ended with the others.
            if error.code != "UNAUTHORIZED" or not error.may_be_done:
                raise
        await self._client.save(None)


class AsyncOAuth:
    """Sign-in of a user with an OAuth application; needs `token_source=AuthorizationCode(…)`."""

    def __init__(self, client: _AsyncClient, source: TokenSource) -> None:
        self._client = client
        self._source = source

    async def start(self, *, redirect_uri: str, scope: str) -> oauth.SignIn:
        """Return a sign-in, whose `url` the user's browser opens."""
        path = {"document": "oauth-authorization-server"}
        sent = _core.call(operations.SHOW_SERVER_METADATA, path=path)
        metadata = (await self._client.transport.send(sent, None)).data
        return oauth.started(
            self._application.client_id, metadata, redirect_uri=redirect_uri, scope=scope
        )

    async def finish(self, sign_in: oauth.SignIn, callback_url: str) -> None:
        """Exchange the code of the callback, and save the tokens."""
        sent = oauth.exchange(self._application, sign_in, callback_url)
        answer = await self._client.transport.send(sent, None)
        await self._client.save(tokens_of(answer.data, None))

    async def sign_in(
        self,
        *,
        scope: str,
        open_browser: Callable[[str], object] = webbrowser.open,
        timeout: float = 300.0,
    ) -> None:
        """Sign in by the browser of this machine, with a callback to a free port of 127.0.0.1."""
        with Loopback() as loopback:
            sign_in = await self.start(redirect_uri=loopback.redirect_uri, scope=scope)
            loopback.state = sign_in.state
            if open_browser(sign_in.url) is False:
                raise RuntimeError("no browser opens; use open_browser=print to show the URL")
            try:
                callback = await self._client.transport.io.wait(loopback.callback, timeout)
            except TimeoutError as error:
                raise NoAnswer(f"No sign-in within {timeout:g} s") from error
        await self.finish(sign_in, callback)

    async def sign_out(self) -> None:
        """Revoke the tokens, and delete them even if no response arrives."""
        application = self._application
        tokens = await self._client.load()
        headers, identity = client_authentication(application.client_id, application.client_secret)
        try:
            if tokens is not None:
                body = {**identity, "token": tokens.refresh_token or tokens.access_token}
                sent = _core.call(operations.REVOKE_TOKEN, body=body, headers=headers)
                await self._client.transport.send(_core.repeatable(sent), None)
        finally:
            await self._client.save(None)

    @property
    def _application(self) -> AuthorizationCode:
        if not isinstance(self._source, AuthorizationCode):
            raise TypeError("a sign-in needs token_source=AuthorizationCode(...)")
        return self._source


class _AsyncTransport:
    """Send requests with a timeout, and retry them if that is safe."""

    def __init__(self, base_url: str, io: AsyncIo, limits: Limits) -> None:
        self._base_url = base_url
        self.io = io
        self._limits = limits

    async def send(
        self,
        sent: Call[T],
        tokens: Tokens | None,
        *,
        until: float = _core.NEVER,
        may_be_done: bool = False,
    ) -> Answer[T]:
        """Return the successful response.

        `until` is the latest start of the last attempt, as of `time.monotonic()`.
        """
        headers = httpx2.Headers(sent.headers)
        if tokens is not None:
            headers["Authorization"] = f"Bearer {tokens.access_token}"
        attempts = Attempts(self._limits, sent, until, may_be_done)
        while True:
            try:
                return await self._once(sent, headers, attempts.may_be_done)
            except ShopClientError as error:
                wait = attempts.wait_after(error, time.monotonic())
                if wait is None:
                    raise
            await self.io.sleep(wait)

    async def _once(self, sent: Call[T], headers: httpx2.Headers, may_be_done: bool) -> Answer[T]:
        url = self._base_url + sent.path
        try:
            received = await self.io.exchange(sent, url, headers, self._limits.timeout)
        except Lost as error:
            raise _core.lost(sent, error) from error.__cause__
        return _core.read(sent, received, may_be_done)

    async def aclose(self) -> None:
        await self.io.aclose()


class _AsyncClient:
    """Authorize requests, and renew rejected access tokens once for all that wait."""

    def __init__(
        self,
        transport: _AsyncTransport,
        storage: AnyTokenStorage,
        source: TokenSource,
        on_session_end: AnyCallback | None,
    ) -> None:
        self.transport = transport
        self._storage = storage
        self._source = source
        self._on_session_end = on_session_end
        self._known = KnownTokens()
        self._failures = 0
        self._failure: ShopClientError | None = None

    async def request(
        self,
        operation: Operation[T],
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer[T]:
        sent = _core.call(operation, path=path, query=query, body=body, headers=headers)
        if operation.form:
            return await self.transport.send(sent, None)
        try:
            return await self._authorized(sent)
        finally:
            await self._report_end()

    async def _authorized(self, sent: Call[T]) -> Answer[T]:
        tokens = await self.load() or await self._renewed(None)
        try:
            return await self.transport.send(sent, tokens)
        except ShopError as error:
            if error.code != "UNAUTHORIZED" or tokens is None:
                raise
            rejection = error
        fresh = await self._renewed(tokens)
        if fresh is None:
            raise rejection
        return await self.transport.send(sent, fresh, may_be_done=rejection.may_be_done)

    async def data(
        self,
        operation: Operation[T],
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> T:
        return (await self.request(operation, path=path, query=query, body=body)).data

    async def create(
        self,
        operation: Operation[T],
        path: Mapping[str, str],
        body: Mapping[str, object],
        key: str | None,
    ) -> T:
        """Create an item, once per key."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return (await self.request(operation, path=path, body=body, headers=headers)).data

    async def delete(self, operation: Operation[Empty], path: Mapping[str, str]) -> None:
        """Delete, where 404 after a lost response is success: an earlier attempt deleted it."""
        try:
            await self.request(operation, path=path)
        except ShopError as error:
            if error.code != "NOT_FOUND" or not error.may_be_done:
                raise

    async def items(
        self, operation: Operation[Page[T]], path: Mapping[str, str], query: Mapping[str, object]
    ) -> AsyncIterator[T]:
        """Iterate over all items by cursor: items created meanwhile neither hide nor repeat."""
        cursor: str | None = None
        while True:
            page = await self.data(operation, path=path, query={**query, "cursor": cursor})
            for item in page.data:
                yield item
            cursor = page.meta.next_cursor
            if cursor is None:
                return

    async def edit(
        self,
        reading: Operation[T],
        writing: Operation[T],
        path: Mapping[str, str],
        decide: Callable[[T], Mapping[str, object]],
    ) -> T:
        """Read, decide and write with `If-Match`; after a concurrent change, start again."""
        edits = 1
        while True:
            found = await self.request(reading, path=path)
            version = found.headers.get("ETag")
            if not version:
                raise NoAnswer("No answer of the shop: it has no ETag")
            body, headers = decide(found.data), {"If-Match": version}
            try:
                return (await self.request(writing, path=path, body=body, headers=headers)).data
            except ShopError as error:
                is_stale = error.code == "PRECONDITION_FAILED" and not error.may_be_done
                if not is_stale or edits >= MAX_EDIT_ATTEMPTS:
                    raise
            edits += 1

    async def load(self) -> Tokens | None:
        saves, tokens, is_unsaved = self._known.before_load()
        if is_unsaved:
            return tokens
        try:
            tokens = await self.transport.io.load(self._storage)
        except Exception:
            # Only the tokens in memory remain.
            logger.warning("the token storage failed", exc_info=True)
        return self._known.loaded(saves, tokens)

    async def save(self, tokens: Tokens | None) -> None:
        """Save the tokens, and report the end of the session."""
        await self._save(tokens)
        await self._report_end()

    async def _save(self, tokens: Tokens | None, replaced: Tokens | None = None) -> None:
        """Save the tokens; with `replaced`, only if these are the present ones."""
        save = self._known.before_save(tokens, replaced)
        try:
            while save is not None:
                number, tokens = save
                await self.transport.io.save(self._storage, tokens)
                save = self._known.after_save(number)
        except Exception:
            # The next save may succeed.
            logger.warning("the token storage failed", exc_info=True)

    async def _report_end(self) -> None:
        # Outside the lock, since the function may call the client.
        if not self._known.has_ended() or self._on_session_end is None:
            return
        try:
            await self.transport.io.notify(self._on_session_end)
        except Exception:
            logger.exception("on_session_end failed")

    async def _renewed(self, rejected: Tokens | None) -> Tokens | None:
        """Return other tokens than the rejected ones, or None if only a user can get them."""
        if rejected is None and self._source.renewal(None) is None:
            return None
        # The API may have renewed the tokens before a caller is cancelled.
        return await self.transport.io.finish(self._renewal(rejected, self._failures))

    async def _renewal(self, rejected: Tokens | None, failures: int) -> Tokens | None:
        async with self.transport.io.lock:
            if self._failure is not None and self._failures != failures:
                # Of the renewal that this request waited for. A copy, since each raise of an
                # exception adds to its traceback.
                raise copy(self._failure) from self._failure.__cause__
            stored = await self.load()
            if stored is not None and stored != rejected:
                return stored
            renewal = self._source.renewal(stored)
            fresh = None
            if renewal is not None:
                until = time.monotonic() + MAX_RENEWAL_TIME
                try:
                    answer = await self.transport.send(renewal, None, until=until)
                    fresh = tokens_of(answer.data, stored)
                except ShopClientError as error:
                    if not (isinstance(error, ShopError) and self._source.has_ended(error)):
                        self._failures += 1
                        self._failure = error
                        raise
            # Another request or process may have logged out, logged in or renewed the tokens.
            await self.load()
            if fresh != stored:
                await self._save(fresh, replaced=stored)
            return self._known.tokens
