"""The rules of users: sign-up, and the permissions to read, change and delete users."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol  # changed fields are of several types

from shop.caller import Caller, Client, Role, require
from shop.clock import Clock
from shop.email_addresses import is_form_of
from shop.errors import (
    Detail,
    Forbidden,
    InvalidCredentials,
    LastAdmin,
    NotFound,
    ServiceUnavailable,
    ValidationFailed,
)
from shop.identifiers import NewId
from shop.identity.accounts.models import Credential, UserStatus
from shop.identity.login_attempts.models import Guess, RateLimitedRequest
from shop.identity.login_attempts.service import login_attempt, rate_limited_request
from shop.identity.passwords import password_violation
from shop.metrics import count
from shop.pagination import IndexPage, PageRequest, PageResult
from shop.preconditions import Precondition
from shop.retries import StaleVersion, retry_stale
from shop.users.models import MAX_FORMER_EMAILS, FormerEmail, User

if TYPE_CHECKING:
    from pydantic import SecretStr

    from shop.users.requests import (
        PasswordChange,
        UserCreate,
        UserListQuery,
        UserReplace,
        UserUpdate,
    )

MAX_PASSWORD_CHANGES = 10  # of one user in 15 minutes, as many as guesses; users need one
# Changes of name and email by one user in 15 minutes: each rewrites all search rows of the user.
MAX_PROFILE_CHANGES = 30
# After a longer erasure pass, too little of the function's 10 s may remain for the commit and the
# last pass.
MAX_ERASURE_PASS = timedelta(seconds=3)


class UserStore(Protocol):
    def add(self, user: User, password_hash: str) -> None:
        """Write user, credential and account state together; raise `EmailInUse`."""

    def get(self, user_id: str) -> User | None: ...

    def credential(self, email: str) -> Credential | None: ...

    def save(
        self,
        before: User,
        after: User,
        attempt: RateLimitedRequest | None = None,
        by_admin: str | None = None,
    ) -> None:
        """Write the changes, with credential, account state and admin count; uncount the attempt.

        Raise `StaleVersion`, `EmailInUse`, `LastAdmin`, and `Forbidden` if `by_admin`, the id of
        another user, is no active admin.
        """

    def delete(self, user: User, by_admin: str | None = None) -> None:
        """Delete user, credential and as many sessions as fit in; disable the account state.

        Raise `StaleVersion`, `LastAdmin`, and `Forbidden` as above.
        """

    def change_password(
        self, user: User, session_id: str, old_hash: str, new_hash: str, attempt: RateLimitedRequest
    ) -> None:
        """Replace the hash and start the next session generation, in this session as well.

        Uncount the attempt. Raise `StaleVersion`, `Unauthorized`.
        """

    def list(
        self,
        statuses: Sequence[UserStatus],
        sort: str,
        page_request: PageRequest,
        is_descending: bool,
    ) -> IndexPage[User]:
        """List users by `createdAt`, `name` or `email`."""

    def search(
        self,
        text: str,
        statuses: Sequence[UserStatus],
        page_request: PageRequest,
        is_descending: bool,
    ) -> tuple[IndexPage[User], int | None]:
        """Return users whose name or email contains the text, by `createdAt`, and their total, or
        None if there are too many to count.
        """

    def count(self, statuses: Sequence[UserStatus]) -> int: ...

    def active_admins(self) -> int: ...


class PersonalDataStore(Protocol):
    def erase(self, user_id: str, is_gone: bool) -> bool:
        """Erase order notes; of a deleted user also recorded responses, tokens and sessions.

        Return whether any existed. Safe to repeat.
        """


class AttemptLimit(Protocol):
    def limit(self, attempt: RateLimitedRequest) -> AbstractContextManager[None]:
        """Count the attempt unless it ends in a 503; raise `TooManyRequests`."""

    def guess(self, attempt: RateLimitedRequest) -> AbstractContextManager[Guess]:
        """Count it as failed unless it ends in success or a 503; raise `TooManyRequests`."""


class UserService:
    def __init__(
        self,
        users: UserStore,
        attempts: AttemptLimit,
        hash_password: Callable[[str], str],
        verify_password: Callable[[str, Credential | None], bool],
        hashing_per_network: Callable[[], int],
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._users = users
        self._attempts = attempts
        self._hash_password = hash_password
        self._verify_password = verify_password
        self._hashing_per_network = hashing_per_network
        self._clock = clock
        self._new_id = new_id

    def sign_up(
        self, payload: "UserCreate", client: Client | None, role: Role = Role.CUSTOMER
    ) -> User:
        """Create a customer; an operator may choose another role, without client and rate limit.

        Raise `EmailInUse`, `TooManyRequests`.
        """
        now = self._clock()
        user = User(
            id=self._new_id(),
            email=payload.email,
            name=payload.name,
            status=UserStatus.ACTIVE,
            role=role,
            email_verified=False,
            created_at=now,
            updated_at=now,
            version=1,
        )
        with ExitStack() as limits:
            if client is not None:
                max_count = self._hashing_per_network()
                limits.enter_context(
                    self._limit_hashing("sign-up", payload.email, client, max_count)
                )
            self._users.add(user, self._hash_password(payload.password.get_secret_value()))
        count("SignUps")
        return user

    def list(self, caller: Caller, query: "UserListQuery") -> PageResult[User]:
        caller = caller.within(None, "admin:users:read")
        require(caller.is_admin)
        statuses = [query.status] if query.status else [*UserStatus]
        page_request = query.page_request("users")
        if query.search is not None:
            found = self._users.search(query.search, statuses, page_request, query.is_descending)
            return query.page_result("users", *found)
        page = self._users.list(statuses, query.sort_field, page_request, query.is_descending)
        return query.page_result("users", page, self._users.count(statuses))

    def replace(
        self,
        caller: Caller,
        user_id: str,
        payload: "UserReplace",
        precondition: Precondition,
        client: Client,
    ) -> User:
        changes = {name: getattr(payload, name) for name in ("email", "name", "status", "role")}
        return self._change(
            caller, user_id, changes, payload.current_password, precondition, client
        )

    def update(
        self,
        caller: Caller,
        user_id: str,
        payload: "UserUpdate",
        precondition: Precondition,
        client: Client,
    ) -> User:
        changes = payload.changes()
        current_password = changes.pop("current_password", None)
        return self._change(caller, user_id, changes, current_password, precondition, client)

    def preview(self, caller: Caller, user_id: str, status: UserStatus) -> User:
        """Return the user before that change of status; raise `LastAdmin` if it would fail."""
        require(caller.is_admin)
        user = self._get(user_id)
        removes_admin = user.is_active_admin and status is not UserStatus.ACTIVE
        if removes_admin and self._users.active_admins() <= 1:
            raise LastAdmin
        return user

    def change_status(self, user_id: str, status: UserStatus) -> None:
        """Change the status for an operator: IAM has authorized the call, so no role is checked."""

        def change() -> None:
            user = self._get(user_id)
            if user.status is not status:
                self._users.save(user, self._next(replace(user, status=status)))

        retry_stale(change)

    def delete(
        self,
        caller: Caller,
        user_id: str,
        precondition: Precondition,
        personal_data: PersonalDataStore,
    ) -> None:
        """Erase the user; orders remain under the user id, without their notes.

        Notes are erased before the commit, while a client that times out can still retry, but only
        if nothing can reject the commit: for customers who delete themselves without a
        precondition. All personal data is erased after it. Raise `ServiceUnavailable` if a retry
        has to continue.
        """
        require(caller.may_act_for(user_id))
        admin_id = _other_admin(caller, user_id)
        may_be_rejected = admin_id is not None or precondition.entity_tags is not None

        def delete() -> None:
            user = self._users.get(user_id)
            if user is None:
                # A committed erasure may lack its last pass.
                personal_data.erase(user_id, is_gone=True)
                raise NotFound
            precondition.check(user.version)
            if not may_be_rejected and not user.is_active_admin:
                began_at = self._clock()
                has_erased = personal_data.erase(user_id, is_gone=False)
                if has_erased and self._clock() - began_at > MAX_ERASURE_PASS:
                    raise ServiceUnavailable(retry_after=1)
            self._users.delete(user, admin_id)
            personal_data.erase(user_id, is_gone=True)

        retry_stale(delete)

    def change_password(
        self, caller: Caller, user_id: str, payload: "PasswordChange", client: Client
    ) -> None:
        """Change the password and end all sessions except the caller's.

        Raise `InvalidCredentials`, `TooManyRequests`.
        """
        require(caller.id == user_id)
        new_password = payload.new_password.get_secret_value()
        guess: Guess | None = None

        def change() -> None:
            nonlocal guess
            user = self._get(user_id)
            # Before the old password is verified: a validation error must not count as a guess.
            error = password_violation(new_password, is_form_of(new_password, user.email))
            if error is not None:
                raise ValidationFailed(details=[Detail("body.newPassword", *error)])
            if guess is None:
                kind, max_count = "password change", MAX_PASSWORD_CHANGES
                guesses.enter_context(self._limit_hashing(kind, user_id, client, max_count))
                guess = guesses.enter_context(self._guess(user, client))
            old_hash = self._verified_hash(user, payload.current_password, guess)
            new_hash = self._hash_password(new_password)
            self._users.change_password(user, caller.session_id, old_hash, new_hash, guess.attempt)

        with ExitStack() as guesses:
            retry_stale(change)

    def _change(
        self,
        caller: Caller,
        user_id: str,
        changes: Mapping[str, Any],
        current_password: "SecretStr | None",
        precondition: Precondition,
        client: Client,
    ) -> User:
        """Change fields of a user; without a precondition, concurrent changes of others are kept.

        Users who change their own email must send their password, and guesses count as logins do:
        raise `InvalidCredentials`, `TooManyRequests`. Every change of a name or an email counts
        against a limit, including rejected ones. Admins have no such limit, since they must be able
        to revert the changes of a user.
        """
        caller = caller.within(None, None)  # closed to third-party apps
        require(caller.may_act_for(user_id))
        guess: Guess | None = None
        is_limited = not caller.is_admin

        def change() -> User:
            nonlocal guess, is_limited
            user = self._get(user_id)
            precondition.check(user.version)
            changed = replace(user, **changes)
            if changed == user:
                return user
            if (changed.status, changed.role) != (user.status, user.role):
                # API Gateway caches roles for 50 s: a former admin must not restore the role.
                is_admin = user.is_active_admin if caller.id == user_id else caller.is_admin
                if not is_admin:
                    raise Forbidden("Only an admin changes status and role.")
            if is_limited and (changed.name, changed.email) != (user.name, user.email):
                guesses.enter_context(self._attempts.limit(_profile_change(user_id, client)))
                is_limited = False  # a retry after a stale version does not count again
            if changed.email != user.email:
                if caller.id == user_id:
                    if guess is None and current_password is not None:
                        guess = guesses.enter_context(self._guess(user, client))
                    self._verified_hash(user, current_password, guess)
                changed = replace(
                    changed, email_verified=False, former_emails=_with_former_email(user)
                )
            changed = self._next(changed)
            attempt = None if guess is None else guess.attempt
            self._users.save(user, changed, attempt, _other_admin(caller, user_id))
            return changed

        with ExitStack() as guesses:
            return retry_stale(change)

    def _guess(self, user: User, client: Client) -> AbstractContextManager[Guess]:
        return self._attempts.guess(login_attempt(user.email, client.ip_address))

    def _limit_hashing(
        self, kind: str, person: str, client: Client, max_count: int
    ) -> AbstractContextManager[None]:
        """Limit password hashing: each hash takes a quarter of a second of a core."""
        max_from_network = self._hashing_per_network()
        return self._attempts.limit(
            rate_limited_request(kind, person, client.ip_address, max_count, max_from_network)
        )

    def _next(self, changed: User) -> User:
        return replace(changed, updated_at=self._clock(), version=changed.version + 1)

    def _get(self, user_id: str) -> User:
        user = self._users.get(user_id)
        if user is None:
            raise NotFound
        return user

    def _verified_hash(
        self, user: User, current_password: "SecretStr | None", guess: Guess | None
    ) -> str:
        """Return the stored hash that the password matches; raise `InvalidCredentials`.

        Raise `StaleVersion` if the email is no longer the user's: a concurrent request changed it.
        """
        credential = self._users.credential(user.email)
        if credential is None or credential.user_id != user.id:
            raise StaleVersion
        password = current_password.get_secret_value() if current_password else None
        if password is None or not self._verify_password(password, credential):
            raise InvalidCredentials("The current password is wrong or missing.")
        if guess is not None:
            guess.is_right = True
        return credential.password_hash


def _profile_change(user_id: str, client: Client) -> RateLimitedRequest:
    """Return a request of this user only: it does not limit others of the same network."""
    kind, max_count = f"profile change of {user_id}", MAX_PROFILE_CHANGES
    return rate_limited_request(kind, user_id, client.ip_address, max_count, max_count)


def _other_admin(caller: Caller, user_id: str) -> str | None:
    """Return the caller's id for an admin acting on another user, else None."""
    return None if caller.id == user_id else caller.admin_id


def _with_former_email(user: User) -> Sequence[FormerEmail]:
    """Keep the replaced email to notify it: the event of the change contains no address."""
    former = FormerEmail(user.email, version=user.version + 1)
    return (*user.former_emails, former)[-MAX_FORMER_EMAILS:]
