"""Blocking client: one method per operation of the API.

Generated from _async.py by `make generate`.
"""

from __future__ import annotations

import logging
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx2

from shop_client import _core, bodies, models, oauth, operations
from shop_client._core import Answer, Attempts, Call, Empty, Limits, Lost, Operation, Page
from shop_client._errors import NoAnswer, ShopClientError, ShopError
from shop_client._io import Io
from shop_client._loopback import Loopback
from shop_client.tokens import (
    AuthorizationCode,
    Callback,
    InMemory,
    KnownTokens,
    Tokens,
    TokenSource,
    TokenStorage,
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


class Shop:
    """A client of the API, with the tokens of one user, application or service.

    Methods raise `ShopError` for an error response, and `NoAnswer` without a valid response.
    """

    def __init__(
        self,
        base_url: str,
        *,
        tokens: TokenStorage | None = None,
        token_source: TokenSource | None = None,
        on_session_end: Callback | None = None,
        http_client: httpx2.Client | None = None,
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
        self._transport = _Transport(_core.checked_base_url(base_url), Io(http_client), limits)
        source = token_source or UserSession()
        storage = tokens or InMemory()
        self._client = _Client(self._transport, storage, source, on_session_end)
        self.users = Users(self._client)
        self.products = Products(self._client)
        self.orders = Orders(self._client)
        self.sessions = Sessions(self._client)
        self.oauth = OAuth(self._client, source)

    def sign_up(self, **body: Unpack[bodies.UserCreate]) -> models.User:
        return self._client.data(operations.CREATE_USER, body=body)

    def log_in(self, **body: Unpack[bodies.SessionCreate]) -> models.Session:
        """Log in, and save the tokens."""
        grant = self._client.data(operations.CREATE_SESSION, body=body)
        self._client.save(tokens_of(grant, None))
        return grant.session

    def log_out(self) -> None:
        """End the session, and delete the tokens even if no response arrives."""
        try:
            path = {"sessionId": "current"}
            self._client.request(operations.DELETE_SESSION, path=path)
        except ShopError as error:
            # Both mean that the session has ended: 404 while the gateway still accepts the
            # access token.
            if error.code not in ("UNAUTHORIZED", "NOT_FOUND"):
                raise
        finally:
            self._client.save(None)

    def request_password_reset(self, email: str) -> None:
        """Request an email with a link that contains the token for `reset_password`."""
        self._client.request(operations.CREATE_PASSWORD_RESET, body={"email": email})

    def reset_password(self, token: str, password: str) -> None:
        """Set a new password, and end all sessions of the user."""
        self._client.request(
            operations.COMPLETE_PASSWORD_RESET, path={"token": token}, body={"password": password}
        )

    def request_email_verification(self) -> None:
        """Request an email to the user's address, with the token for `verify_email`."""
        self._client.request(operations.CREATE_EMAIL_VERIFICATION, body={})

    def verify_email(self, token: str) -> None:
        self._client.request(operations.COMPLETE_EMAIL_VERIFICATION, path={"token": token})

    def request(
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
        return self._client.request(operation, path=path, query=query, body=body, headers=headers)

    def close(self) -> None:
        """Close the connections, unless `http_client` was given, after a running renewal."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Users:
    """Users; `"me"` is the user of the session."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    def list(self, **query: Unpack[bodies.ListUsersQuery]) -> Iterator[models.User]:
        return self._client.items(operations.LIST_USERS, {}, query)

    def get(self, user_id: str = "me") -> models.User:
        return self._client.data(operations.GET_USER, path={"userId": user_id})

    def replace(self, user_id: str, **body: Unpack[bodies.UserReplace]) -> models.User:
        return self._client.data(operations.REPLACE_USER, path={"userId": user_id}, body=body)

    def update(self, user_id: str, **body: Unpack[bodies.UserUpdate]) -> models.User:
        return self._client.data(operations.UPDATE_USER, path={"userId": user_id}, body=body)

    def edit(self, user_id: str, decide: Callable[[models.User], bodies.UserUpdate]) -> models.User:
        """Change a user by the change that `decide` returns for the present one."""
        return self._client.edit(
            operations.GET_USER, operations.UPDATE_USER, {"userId": user_id}, decide
        )

    def delete(self, user_id: str = "me") -> None:
        self._client.delete(operations.DELETE_USER, {"userId": user_id})
        if user_id == "me":
            self._client.save(None)

    def change_password(self, user_id: str = "me", **body: Unpack[bodies.PasswordChange]) -> None:
        self._client.request(operations.CHANGE_PASSWORD, path={"userId": user_id}, body=body)

    def personal_data(self, user_id: str = "me") -> models.PersonalData:
        """Return everything that is stored about a user: all pages as one document."""
        path = {"userId": user_id}
        first = page = self._client.data(operations.GET_PERSONAL_DATA, path=path)
        orders = [*page.orders]
        while page.meta.next_cursor is not None:
            query = {"cursor": page.meta.next_cursor}
            page = self._client.data(operations.GET_PERSONAL_DATA, path=path, query=query)
            orders += page.orders
        return first.model_copy(update={"orders": orders, "meta": page.meta})


class Products:
    """Products."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    def list(self, **query: Unpack[bodies.ListProductsQuery]) -> Iterator[models.Product]:
        return self._client.items(operations.LIST_PRODUCTS, {}, query)

    def get(self, product_id: str) -> models.Product:
        return self._client.data(operations.GET_PRODUCT, path={"productId": product_id})

    def create(
        self, *, idempotency_key: str | None = None, **body: Unpack[bodies.ProductCreate]
    ) -> models.Product:
        """Create a product, once per key."""
        return self._client.create(operations.CREATE_PRODUCT, {}, body, idempotency_key)

    def update(self, product_id: str, **body: Unpack[bodies.ProductUpdate]) -> models.Product:
        path = {"productId": product_id}
        return self._client.data(operations.UPDATE_PRODUCT, path=path, body=body)

    def edit(
        self, product_id: str, decide: Callable[[models.Product], bodies.ProductUpdate]
    ) -> models.Product:
        """Change a product by the change that `decide` returns for the present one."""
        return self._client.edit(
            operations.GET_PRODUCT, operations.UPDATE_PRODUCT, {"productId": product_id}, decide
        )

    def delete(self, product_id: str) -> None:
        self._client.delete(operations.DELETE_PRODUCT, {"productId": product_id})


class Orders:
    """Orders of a user; `"me"` is the user of the session."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    def list(
        self, *, user_id: str = "me", **query: Unpack[bodies.ListOrdersQuery]
    ) -> Iterator[models.Order]:
        return self._client.items(operations.LIST_ORDERS, {"userId": user_id}, query)

    def list_all(self, **query: Unpack[bodies.ListAllOrdersQuery]) -> Iterator[models.Order]:
        """List the orders of all users."""
        return self._client.items(operations.LIST_ALL_ORDERS, {}, query)

    def get(self, order_id: str, *, user_id: str = "me") -> models.Order:
        path = {"userId": user_id, "orderId": order_id}
        return self._client.data(operations.GET_ORDER, path=path)

    def place(
        self,
        *,
        user_id: str = "me",
        idempotency_key: str | None = None,
        **body: Unpack[bodies.OrderPlace],
    ) -> models.Order:
        """Place an order, once per key. Pass a key if your program may retry after a restart."""
        path = {"userId": user_id}
        return self._client.create(operations.PLACE_ORDER, path, body, idempotency_key)

    def update(
        self, order_id: str, *, user_id: str = "me", **body: Unpack[bodies.OrderUpdate]
    ) -> models.Order:
        path = {"userId": user_id, "orderId": order_id}
        try:
            return self._client.data(operations.UPDATE_ORDER, path=path, body=body)
        except ShopError as error:
            # A retry of a committed change is no transition.
            if error.code != "INVALID_TRANSITION" or not error.may_be_done:
                raise
            order = self._client.data(operations.GET_ORDER, path=path)
            note = body.get("note", order.note)
            is_noted = _core.trimmed(note) == _core.trimmed(order.note)
            if order.status != body.get("status", order.status) or not is_noted:
                raise
            return order

    def edit(
        self,
        order_id: str,
        decide: Callable[[models.Order], bodies.OrderUpdate],
        *,
        user_id: str = "me",
    ) -> models.Order:
        """Change an order by the change that `decide` returns for the present one."""
        path = {"userId": user_id, "orderId": order_id}
        return self._client.edit(operations.GET_ORDER, operations.UPDATE_ORDER, path, decide)

    def cancel(self, order_id: str, *, user_id: str = "me") -> models.Order:
        return self.update(order_id, user_id=user_id, status="cancelled")


class Sessions:
    """Sessions of the user."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    def list(self) -> Sequence[models.Session]:
        return (self._client.data(operations.LIST_SESSIONS)).data

    def end(self, session_id: str) -> None:
        self._client.delete(operations.DELETE_SESSION, {"sessionId": session_id})

    def end_all(self) -> None:
        """End all sessions, and delete the tokens."""
        try:
            self._client.request(operations.DELETE_ALL_SESSIONS)
        except ShopError as error:
            # After a lost response, this session has ended with the others.
            if error.code != "UNAUTHORIZED" or not error.may_be_done:
                raise
        self._client.save(None)


class OAuth:
    """Sign-in of a user with an OAuth application; needs `token_source=AuthorizationCode(…)`."""

    def __init__(self, client: _Client, source: TokenSource) -> None:
        self._client = client
        self._source = source

    def start(self, *, redirect_uri: str, scope: str) -> oauth.SignIn:
        """Return a sign-in, whose `url` the user's browser opens."""
        path = {"document": "oauth-authorization-server"}
        sent = _core.call(operations.SHOW_SERVER_METADATA, path=path)
        metadata = (self._client.transport.send(sent, None)).data
        return oauth.started(
            self._application.client_id, metadata, redirect_uri=redirect_uri, scope=scope
        )

    def finish(self, sign_in: oauth.SignIn, callback_url: str) -> None:
        """Exchange the code of the callback, and save the tokens."""
        sent = oauth.exchange(self._application, sign_in, callback_url)
        answer = self._client.transport.send(sent, None)
        self._client.save(tokens_of(answer.data, None))

    def sign_in(
        self,
        *,
        scope: str,
        open_browser: Callable[[str], object] = webbrowser.open,
        timeout: float = 300.0,
    ) -> None:
        """Sign in by the browser of this machine, with a callback to a free port of 127.0.0.1."""
        with Loopback() as loopback:
            sign_in = self.start(redirect_uri=loopback.redirect_uri, scope=scope)
            loopback.state = sign_in.state
            if open_browser(sign_in.url) is False:
                raise RuntimeError("no browser opens; use open_browser=print to show the URL")
            try:
                callback = self._client.transport.io.wait(loopback.callback, timeout)
            except TimeoutError as error:
                raise NoAnswer(f"No sign-in within {timeout:g} s") from error
        self.finish(sign_in, callback)

    def sign_out(self) -> None:
        """Revoke the tokens, and delete them even if no response arrives."""
        application = self._application
        tokens = self._client.load()
        headers, identity = client_authentication(application.client_id, application.client_secret)
        try:
            if tokens is not None:
                body = {**identity, "token": tokens.refresh_token or tokens.access_token}
                sent = _core.call(operations.REVOKE_TOKEN, body=body, headers=headers)
                self._client.transport.send(_core.repeatable(sent), None)
        finally:
            self._client.save(None)

    @property
    def _application(self) -> AuthorizationCode:
        if not isinstance(self._source, AuthorizationCode):
            raise TypeError("a sign-in needs token_source=AuthorizationCode(...)")
        return self._source


class _Transport:
    """Send requests with a timeout, and retry them if that is safe."""

    def __init__(self, base_url: str, io: Io, limits: Limits) -> None:
        self._base_url = base_url
        self.io = io
        self._limits = limits

    def send(
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
                return self._once(sent, headers, attempts.may_be_done)
            except ShopClientError as error:
                wait = attempts.wait_after(error, time.monotonic())
                if wait is None:
                    raise
            self.io.sleep(wait)

    def _once(self, sent: Call[T], headers: httpx2.Headers, may_be_done: bool) -> Answer[T]:
        url = self._base_url + sent.path
        try:
            received = self.io.exchange(sent, url, headers, self._limits.timeout)
        except Lost as error:
            raise _core.lost(sent, error) from error.__cause__
        return _core.read(sent, received, may_be_done)

    def close(self) -> None:
        self.io.close()


class _Client:
    """Authorize requests, and renew rejected access tokens once for all that wait."""

    def __init__(
        self,
        transport: _Transport,
        storage: TokenStorage,
        source: TokenSource,
        on_session_end: Callback | None,
    ) -> None:
        self.transport = transport
        self._storage = storage
        self._source = source
        self._on_session_end = on_session_end
        self._known = KnownTokens()
        self._failures = 0
        self._failure: ShopClientError | None = None

    def request(
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
            return self.transport.send(sent, None)
        try:
            return self._authorized(sent)
        finally:
            self._report_end()

    def _authorized(self, sent: Call[T]) -> Answer[T]:
        tokens = self.load() or self._renewed(None)
        try:
            return self.transport.send(sent, tokens)
        except ShopError as error:
            if error.code != "UNAUTHORIZED" or tokens is None:
                raise
            rejection = error
        fresh = self._renewed(tokens)
        if fresh is None:
            raise rejection
        return self.transport.send(sent, fresh, may_be_done=rejection.may_be_done)

    def data(
        self,
        operation: Operation[T],
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> T:
        return (self.request(operation, path=path, query=query, body=body)).data

    def create(
        self,
        operation: Operation[T],
        path: Mapping[str, str],
        body: Mapping[str, object],
        key: str | None,
    ) -> T:
        """Create an item, once per key."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return (self.request(operation, path=path, body=body, headers=headers)).data

    def delete(self, operation: Operation[Empty], path: Mapping[str, str]) -> None:
        """Delete, where 404 after a lost response is success: an earlier attempt deleted it."""
        try:
            self.request(operation, path=path)
        except ShopError as error:
            if error.code != "NOT_FOUND" or not error.may_be_done:
                raise

    def items(
        self, operation: Operation[Page[T]], path: Mapping[str, str], query: Mapping[str, object]
    ) -> Iterator[T]:
        """Iterate over all items by cursor: items created meanwhile neither hide nor repeat."""
        cursor: str | None = None
        while True:
            page = self.data(operation, path=path, query={**query, "cursor": cursor})
            for item in page.data:
                yield item
            cursor = page.meta.next_cursor
            if cursor is None:
                return

    def edit(
        self,
        reading: Operation[T],
        writing: Operation[T],
        path: Mapping[str, str],
        decide: Callable[[T], Mapping[str, object]],
    ) -> T:
        """Read, decide and write with `If-Match`; after a concurrent change, start again."""
        edits = 1
        while True:
            found = self.request(reading, path=path)
            version = found.headers.get("ETag")
            if not version:
                raise NoAnswer("No answer of the shop: it has no ETag")
            body, headers = decide(found.data), {"If-Match": version}
            try:
                return (self.request(writing, path=path, body=body, headers=headers)).data
            except ShopError as error:
                is_stale = error.code == "PRECONDITION_FAILED" and not error.may_be_done
                if not is_stale or edits >= MAX_EDIT_ATTEMPTS:
                    raise
            edits += 1

    def load(self) -> Tokens | None:
        saves, tokens, is_unsaved = self._known.before_load()
        if is_unsaved:
            return tokens
        try:
            tokens = self.transport.io.load(self._storage)
        except Exception:
            # Only the tokens in memory remain.
            logger.warning("the token storage failed", exc_info=True)
        return self._known.loaded(saves, tokens)

    def save(self, tokens: Tokens | None) -> None:
        """Save the tokens, and report the end of the session."""
        self._save(tokens)
        self._report_end()

    def _save(self, tokens: Tokens | None, replaced: Tokens | None = None) -> None:
        """Save the tokens; with `replaced`, only if these are the present ones."""
        save = self._known.before_save(tokens, replaced)
        try:
            while save is not None:
                number, tokens = save
                self.transport.io.save(self._storage, tokens)
                save = self._known.after_save(number)
        except Exception:
            # The next save may succeed.
            logger.warning("the token storage failed", exc_info=True)

    def _report_end(self) -> None:
        # Outside the lock, since the function may call the client.
        if not self._known.has_ended() or self._on_session_end is None:
            return
        try:
            self.transport.io.notify(self._on_session_end)
        except Exception:
            logger.exception("on_session_end failed")

    def _renewed(self, rejected: Tokens | None) -> Tokens | None:
        """Return other tokens than the rejected ones, or None if only a user can get them."""
        if rejected is None and self._source.renewal(None) is None:
            return None
        # The API may have renewed the tokens before a caller is cancelled.
        return self.transport.io.finish(self._renewal(rejected, self._failures))

    def _renewal(self, rejected: Tokens | None, failures: int) -> Tokens | None:
        with self.transport.io.lock:
            if self._failure is not None and self._failures != failures:
                # Of the renewal that this request waited for. A copy, since each raise of an
                # exception adds to its traceback.
                raise copy(self._failure) from self._failure.__cause__
            stored = self.load()
            if stored is not None and stored != rejected:
                return stored
            renewal = self._source.renewal(stored)
            fresh = None
            if renewal is not None:
                until = time.monotonic() + MAX_RENEWAL_TIME
                try:
                    answer = self.transport.send(renewal, None, until=until)
                    fresh = tokens_of(answer.data, stored)
                except ShopClientError as error:
                    if not (isinstance(error, ShopError) and self._source.has_ended(error)):
                        self._failures += 1
                        self._failure = error
                        raise
            # Another request or process may have logged out, logged in or renewed the tokens.
            self.load()
            if fresh != stored:
                self._save(fresh, replaced=stored)
            return self._known.tokens
