"""The rules of users: signing up, and who may read, change and delete whom."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol  # `Any`: the changed fields of a user are of several types

from pydantic import SecretStr

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
from shop.identity.login_attempts.models import Guess, LoginAttempt
from shop.identity.login_attempts.service import login_attempt, rate_limit_key
from shop.identity.passwords import password_violation
from shop.metrics import count
from shop.pagination import IndexPage, PageRequest, PageResult
from shop.preconditions import Precondition
from shop.retries import StaleVersion, retry_stale
from shop.users.models import FormerEmail, User
from shop.users.schemas import (
    PasswordChange,
    UserCreate,
    UserListQuery,
    UserReplace,
    UserUpdate,
)

MAX_PASSWORD_CHANGES = 10  # of one user in 15 minutes: people need one, guesses are 10 too
MAX_FORMER_EMAILS = 10  # enough for notices that are late to meet their address
# Changes of name and email by one user in 15 minutes. Each rewrites all search rows of the user.
MAX_PROFILE_CHANGES = 30
# After a longer pass over a user's traces, too little of the function's 10 s may be left to commit
# and to look again.
MAX_PASS = timedelta(seconds=3)


class UserStore(Protocol):
    def add(self, user: User, password_hash: str) -> None:
        """User, credential and gate together; raises `EmailInUse`."""

    def get(self, user_id: str) -> User | None: ...

    def credential(self, email: str) -> Credential | None: ...

    def save(
        self,
        before: User,
        after: User,
        attempt: LoginAttempt | None = None,
        by_admin: str | None = None,
    ) -> None:
        """What changed, with credential, gate and the number of admins; takes the attempt back.

        Raises `StaleVersion`, `EmailInUse`, `LastAdmin`; `Forbidden` where another does it, by
        their id, who is no active admin any more.
        """

    def delete(self, user: User, by_admin: str | None = None) -> None:
        """User and credential, with the sessions that fit in; the gate stays shut. Raises
        `StaleVersion`, `LastAdmin`, and `Forbidden` as above.
        """

    def change_password(
        self, user: User, session_id: str, old_hash: str, new_hash: str, attempt: LoginAttempt
    ) -> None:
        """Hash and epoch, and that of this one session; takes the attempt back.

        Raises `StaleVersion`, `Unauthorized`.
        """

    def list(
        self, statuses: Sequence[UserStatus], sort: str, span: PageRequest, descends: bool
    ) -> IndexPage[User]:
        """By `createdAt`, `name` or `email`."""

    def search(
        self, text: str, statuses: Sequence[UserStatus], span: PageRequest, descends: bool
    ) -> tuple[IndexPage[User], int | None]:
        """Those whose name or e-mail holds the text, by `createdAt`, and how many there are in
        all, if that could be counted.
        """

    def count(self, statuses: Sequence[UserStatus]) -> int: ...

    def active_admins(self) -> int: ...


class TraceStore(Protocol):
    def erase(self, user_id: str, is_gone: bool) -> bool:
        """Notes of orders; of a user who is gone also recorded responses, tokens and sessions.

        True if any were there. May be repeated.
        """


class AttemptLimit(Protocol):
    def limit(self, attempt: LoginAttempt) -> AbstractContextManager[None]:
        """Counts it, unless it ends in a 503; raises `TooManyRequests`."""

    def guess(self, attempt: LoginAttempt) -> AbstractContextManager[Guess]:
        """Counts it as failed, unless it ends in success or a 503; raises `TooManyRequests`."""


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
        self, payload: UserCreate, client: Client | None, role: Role = Role.CUSTOMER
    ) -> User:
        """Anybody may become a customer; only who runs the system says another role, without a
        client and without a limit. Raises `EmailInUse`, `TooManyRequests`.
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
                most = self._hashing_per_network()
                limits.enter_context(self._limit_hashing("sign-up", payload.email, client, most))
            self._users.add(user, self._hash_password(payload.password.get_secret_value()))
        count("SignUps")
        return user

    def read(self, caller: Caller, user_id: str) -> User:
        require(caller.may_act_for(user_id))
        return self._get(user_id)

    def list(self, caller: Caller, query: UserListQuery) -> PageResult[User]:
        require(caller.is_admin)
        statuses = [query.status] if query.status else [*UserStatus]
        span = query.span("users")
        if query.search is not None:
            found = self._users.search(query.search, statuses, span, query.descends)
            return query.slice("users", *found)
        rows = self._users.list(statuses, query.sorted_by, span, query.descends)
        return query.slice("users", rows, self._users.count(statuses))

    def replace(
        self,
        caller: Caller,
        user_id: str,
        payload: UserReplace,
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
        payload: UserUpdate,
        precondition: Precondition,
        client: Client,
    ) -> User:
        changes = payload.changes()
        current_password = changes.pop("current_password", None)
        return self._change(caller, user_id, changes, current_password, precondition, client)

    def preview(self, caller: Caller, user_id: str, status: UserStatus) -> User:
        """The user as they are before that change of status; raises `LastAdmin` as it would."""
        require(caller.is_admin)
        user = self._get(user_id)
        ceases = user.is_active_admin and status is not UserStatus.ACTIVE
        if ceases and self._users.active_admins() <= 1:
            raise LastAdmin
        return user

    def change_status(self, user_id: str, status: UserStatus) -> None:
        """By an operator, whom IAM has let in: nobody's role is asked."""

        def change() -> None:
            user = self._get(user_id)
            if user.status is not status:
                self._users.save(user, self._next(replace(user, status=status)))

        retry_stale(change)

    def delete(
        self, caller: Caller, user_id: str, precondition: Precondition, traces: TraceStore
    ) -> None:
        """Erase the user; what they ordered stays under the bare id, without its notes.

        Notes go before the commit, while a client whose time is over can still repeat the request,
        but only where nothing can reject the commit any more: for customers who delete themselves
        without a precondition. All traces go after it. Raises `ServiceUnavailable` where a retry
        has to continue.
        """
        require(caller.may_act_for(user_id))
        admin_id = _other_admin(caller, user_id)
        may_be_rejected = admin_id is not None or precondition.entity_tags is not None

        def delete() -> None:
            user = self._users.get(user_id)
            if user is None:
                # An erasure that was committed may lack its last pass.
                traces.erase(user_id, is_gone=True)
                raise NotFound
            precondition.check(user.version)
            if not may_be_rejected and not user.is_active_admin:
                began_at = self._clock()
                if traces.erase(user_id, is_gone=False) and self._clock() - began_at > MAX_PASS:
                    raise ServiceUnavailable(retry_after=1)
            self._users.delete(user, admin_id)
            traces.erase(user_id, is_gone=True)

        retry_stale(delete)

    def change_password(
        self, caller: Caller, user_id: str, payload: PasswordChange, client: Client
    ) -> None:
        """Ends all sessions but the caller's; raises `InvalidCredentials`, `TooManyRequests`."""
        require(caller.id == user_id)
        new_password = payload.new_password.get_secret_value()
        guess: Guess | None = None

        def change() -> None:
            nonlocal guess
            user = self._get(user_id)
            # Before the old one is compared, since what is refused for it stays counted.
            wrong = password_violation(new_password, is_form_of(new_password, user.email))
            if wrong is not None:
                raise ValidationFailed(details=[Detail("body.newPassword", *wrong)])
            if guess is None:
                kind, most = "password change", MAX_PASSWORD_CHANGES
                guesses.enter_context(self._limit_hashing(kind, user_id, client, most))
                guess = guesses.enter_context(self._guess(user, client))
            old_hash = self._proven_hash(user, payload.current_password, guess)
            new_hash = self._hash_password(new_password)
            self._users.change_password(user, caller.session_id, old_hash, new_hash, guess.attempt)

        with ExitStack() as guesses:
            retry_stale(change)

    def _change(
        self,
        caller: Caller,
        user_id: str,
        changes: Mapping[str, Any],
        current_password: SecretStr | None,
        precondition: Precondition,
        client: Client,
    ) -> User:
        """Without a precondition, changes of others to other fields are kept beside these.

        A new address of one's own takes the password, and guesses count as log-ins do: raises
        `InvalidCredentials`, `TooManyRequests`. So does every new name or address of one's own,
        also where it is refused; admins are not limited, or nobody could undo what a user does.
        """
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
                # The gateway knows for 50 s who was an admin; nobody makes himself one again.
                is_admin = user.is_active_admin if caller.id == user_id else caller.is_admin
                if not is_admin:
                    raise Forbidden("Only an admin changes status and role.")
            if is_limited and (changed.name, changed.email) != (user.name, user.email):
                guesses.enter_context(self._attempts.limit(_profile_change(user_id, client)))
                is_limited = False  # however often it is tried
            if changed.email != user.email:
                if caller.id == user_id:
                    if guess is None and current_password is not None:
                        guess = guesses.enter_context(self._guess(user, client))
                    self._proven_hash(user, current_password, guess)
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
        self, kind: str, person: str, client: Client, most: int
    ) -> AbstractContextManager[None]:
        """Each hash costs a quarter of a second of a core, right password or not."""
        most_from_network = self._hashing_per_network()
        return self._attempts.limit(
            rate_limit_key(kind, person, client.ip_address, most, most_from_network)
        )

    def _next(self, changed: User) -> User:
        return replace(changed, updated_at=self._clock(), version=changed.version + 1)

    def _get(self, user_id: str) -> User:
        user = self._users.get(user_id)
        if user is None:
            raise NotFound
        return user

    def _proven_hash(
        self, user: User, current_password: SecretStr | None, guess: Guess | None
    ) -> str:
        """The stored hash that the password has; raises `InvalidCredentials`.

        Or `StaleVersion`, where the address is not the user's any more: they changed it meanwhile.
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


def _profile_change(user_id: str, client: Client) -> LoginAttempt:
    """Counted for the user alone: others of the same network are not limited by it."""
    kind, most = f"profile change of {user_id}", MAX_PROFILE_CHANGES
    return rate_limit_key(kind, user_id, client.ip_address, most, most)


def _other_admin(caller: Caller, user_id: str) -> str | None:
    """Who does to another what only admins may, by their id; None where users do it themselves."""
    return None if caller.id == user_id else caller.id


def _with_former_email(user: User) -> Sequence[FormerEmail]:
    """Who holds an address is told that it was replaced, by an event that holds no address."""
    former = FormerEmail(user.email, version=user.version + 1)
    return (*user.former_emails, former)[-MAX_FORMER_EMAILS:]
