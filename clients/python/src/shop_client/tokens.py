"""Tokens: storages, and sources that renew them."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol, TypeAlias
from urllib.parse import quote

from shop_client._core import Call, call, repeatable
from shop_client._errors import ShopError
from shop_client.models import Token, TokenGrant
from shop_client.operations import CREATE_ACCESS_TOKEN, CREATE_TOKEN


@dataclass(frozen=True)
class Tokens:
    """The tokens of a session, an application or a service."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    """Valid for one renewal, which returns its successor."""


class TokenStorage(Protocol):
    """Storage of tokens. Processes with the same storage share a session."""

    def load(self) -> Tokens | None: ...

    def save(self, tokens: Tokens | None) -> None:
        """Save the tokens; None after the session has ended."""
        ...


class AsyncTokenStorage(Protocol):
    """Storage of tokens that is awaited."""

    async def load(self) -> Tokens | None: ...

    async def save(self, tokens: Tokens | None) -> None:
        """Save the tokens; None after the session has ended."""
        ...


AnyTokenStorage: TypeAlias = AsyncTokenStorage | TokenStorage
Callback: TypeAlias = Callable[[], None]
AnyCallback: TypeAlias = Callable[[], Awaitable[None] | None]


class InMemory:
    """Tokens in memory."""

    def __init__(self, tokens: Tokens | None = None) -> None:
        self._tokens = tokens

    def load(self) -> Tokens | None:
        return self._tokens

    def save(self, tokens: Tokens | None) -> None:
        self._tokens = tokens


class TokenFile:
    """Tokens in a file that only its owner can read."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).expanduser()

    def load(self) -> Tokens | None:
        try:
            return Tokens(**json.loads(self._path.read_text()))
        except FileNotFoundError:
            return None

    def save(self, tokens: Tokens | None) -> None:
        if tokens is None:
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Replaced as a whole, so that another process never reads half a file. The mode is 0600.
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        try:
            with open(descriptor, "w") as file:
                json.dump(asdict(tokens), file)
            os.replace(name, self._path)
        except BaseException:
            os.unlink(name)
            raise


class TokenSource(Protocol):
    """The requests that renew tokens."""

    def renewal(self, tokens: Tokens | None) -> Call[TokenGrant | Token] | None:
        """Return the request for new tokens, or None if only a user can get them."""
        ...

    def has_ended(self, error: ShopError) -> bool:
        """Return whether the error of a renewal means that a user must sign in again."""
        ...


class UserSession:
    """Tokens of a user that logged in with a password; the default."""

    def renewal(self, tokens: Tokens | None) -> Call[TokenGrant] | None:
        if tokens is None or tokens.refresh_token is None:
            return None
        # For 30 s, the API exchanges a spent refresh token for the same successor.
        return repeatable(call(CREATE_ACCESS_TOKEN, body={"refresh_token": tokens.refresh_token}))

    def has_ended(self, error: ShopError) -> bool:
        return error.code == "UNAUTHORIZED"


@dataclass(frozen=True)
class ClientCredentials:
    """Tokens of a service without users, by OAuth client credentials."""

    client_id: str
    client_secret: str = field(repr=False)
    scope: str
    """Scopes, separated by spaces."""

    def renewal(self, tokens: Tokens | None) -> Call[Token]:
        body = {"grant_type": "client_credentials", "scope": self.scope}
        return repeatable(token_request(self.client_id, self.client_secret, body))

    def has_ended(self, error: ShopError) -> bool:
        return False


@dataclass(frozen=True)
class AuthorizationCode:
    """Tokens of an OAuth application whose user signed in. `Shop.oauth` gets the first ones."""

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    """None for a public client, such as a command line program."""

    def renewal(self, tokens: Tokens | None) -> Call[Token] | None:
        if tokens is None or tokens.refresh_token is None:
            return None
        body = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        return repeatable(token_request(self.client_id, self.client_secret, body))

    def has_ended(self, error: ShopError) -> bool:
        return error.code == "invalid_grant"


def token_request(client_id: str, client_secret: str | None, body: dict[str, str]) -> Call[Token]:
    """Return a request to the token endpoint, authenticated as RFC 6749, section 2.3.1."""
    headers, identity = client_authentication(client_id, client_secret)
    return call(CREATE_TOKEN, body=identity | body, headers=headers)


def client_authentication(
    client_id: str, client_secret: str | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers and the fields of the form that authenticate a client."""
    if client_secret is None:
        return {}, {"client_id": client_id}
    credentials = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
    return {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}, {}


def tokens_of(reply: Token | TokenGrant, former: Tokens | None) -> Tokens:
    """Return the tokens of a response. Without a new refresh token, the former stays valid."""
    kept = former.refresh_token if former else None
    return Tokens(reply.access_token, reply.refresh_token or kept)


class KnownTokens:
    """The tokens in memory, which remain if a storage fails. Each method is atomic."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tokens: Tokens | None = None
        self._saves = 0
        self._is_unsaved = False
        self._has_ended = False

    @property
    def tokens(self) -> Tokens | None:
        return self._tokens

    def before_load(self) -> tuple[int, Tokens | None, bool]:
        """Return the number of saves, the tokens, and whether the storage lacks them."""
        with self._lock:
            return self._saves, self._tokens, self._is_unsaved

    def loaded(self, saves: int, tokens: Tokens | None) -> Tokens | None:
        """Return the tokens. Another process may have ended the session."""
        with self._lock:
            # A save during the load is newer than its result.
            if saves == self._saves:
                self._keep(tokens)
            return self._tokens

    def before_save(
        self, tokens: Tokens | None, replaced: Tokens | None
    ) -> tuple[int, Tokens | None] | None:
        """Return the number of the save and its tokens; None if `replaced` is not present."""
        with self._lock:
            if replaced is not None and self._tokens != replaced:
                return None
            self._saves += 1
            self._is_unsaved = True
            self._keep(tokens)
            return self._saves, tokens

    def after_save(self, save: int) -> tuple[int, Tokens | None] | None:
        """Return the save that began meanwhile, which this one may have overwritten, or None."""
        with self._lock:
            if save != self._saves:
                return self._saves, self._tokens
            self._is_unsaved = False
            return None

    def has_ended(self) -> bool:
        """Return whether the session ended since the last call."""
        with self._lock:
            ended, self._has_ended = self._has_ended, False
            return ended

    def _keep(self, tokens: Tokens | None) -> None:
        self._has_ended = self._has_ended or (self._tokens is not None and tokens is None)
        self._tokens = tokens
