"""One user in memory, and a limiter that counts password guesses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import replace

from shop.caller import Role
from shop.errors import (
    TooManyRequests,
)
from shop.identifiers import new_id
from shop.identity.accounts.models import Credential, UserStatus
from shop.identity.login_attempts.models import Guess, RateLimitedRequest
from shop.pagination import IndexPage, PageRequest
from shop.retries import StaleVersion
from shop.users.models import User
from shop.users.service import UserService
from tests.support.fixtures import ADMIN, ALICE, NOON

USER = User(
    ALICE.id, "ada@example.com", "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1
)


class FakeUserStore:
    """One user in memory; a concurrent change precedes each of the next `overtaken` writes."""

    def __init__(self, overtaken: int = 0) -> None:
        self.user = USER
        self.overtaken = overtaken
        self.writes = 0
        self.admins = 1
        self.others = {ADMIN.id: replace(USER, id=ADMIN.id, role=Role.ADMIN)}
        self.by_admin: str | None = None  # role check of the last write
        self.password_hash = "hash of correct horse"

    def add(self, user: User, password_hash: str) -> None:
        raise NotImplementedError

    def get(self, user_id: str) -> User | None:
        return self.user if user_id == self.user.id else self.others.get(user_id)

    def credential(self, email: str) -> Credential | None:
        return Credential(self.user.id, self.password_hash) if email == self.user.email else None

    def save(
        self,
        before: User,
        after: User,
        attempt: RateLimitedRequest | None = None,
        by_admin: str | None = None,
    ) -> None:
        self.by_admin = by_admin
        self._write()
        self.user = after

    def delete(self, user: User, by_admin: str | None = None) -> None:
        self.by_admin = by_admin
        self._write()

    def change_password(
        self, user: User, session_id: str, old_hash: str, new_hash: str, attempt: RateLimitedRequest
    ) -> None:
        self._write()
        self.password_hash = new_hash

    def list(
        self,
        statuses: Sequence[UserStatus],
        sort: str,
        page_request: PageRequest,
        is_descending: bool,
    ) -> IndexPage[User]:
        raise NotImplementedError

    def search(
        self,
        text: str,
        statuses: Sequence[UserStatus],
        page_request: PageRequest,
        is_descending: bool,
    ) -> tuple[IndexPage[User], int | None]:
        raise NotImplementedError

    def count(self, statuses: Sequence[UserStatus]) -> int:
        raise NotImplementedError

    def active_admins(self) -> int:
        return self.admins

    def _write(self) -> None:
        self.writes += 1
        if self.overtaken:
            self.overtaken -= 1
            self.user = replace(self.user, name="Ada King", version=self.user.version + 1)
            raise StaleVersion


class NoPersonalData:
    def erase(self, user_id: str, is_gone: bool) -> bool:
        return False


class FakeRateLimiter:
    """A limiter of guesses and other requests; it counts and rejects beyond its limits."""

    def __init__(self, most: int = 1000, most_limited: int = 1000) -> None:
        self.most = most
        self.most_limited = most_limited
        self.counted: list[RateLimitedRequest] = []
        self.limited: list[RateLimitedRequest] = []
        self.right: list[bool] = []

    @contextmanager
    def limit(self, attempt: RateLimitedRequest) -> Iterator[None]:
        if len(self.limited) == self.most_limited:
            raise TooManyRequests
        self.limited.append(attempt)
        yield

    @contextmanager
    def guess(self, attempt: RateLimitedRequest) -> Iterator[Guess]:
        if len(self.counted) == self.most:
            raise TooManyRequests
        self.counted.append(attempt)
        guess = Guess(attempt)
        try:
            yield guess
        finally:
            self.right.append(guess.is_right)


def user_service(store: FakeUserStore, counter: FakeRateLimiter | None = None) -> UserService:
    def verify(password: str, credential: Credential | None) -> bool:
        return credential is not None and f"hash of {password}" == credential.password_hash

    return UserService(
        store,
        counter or FakeRateLimiter(),
        lambda password: f"hash of {password}",
        verify,
        lambda: 20,
        lambda: NOON,
        new_id,
    )
