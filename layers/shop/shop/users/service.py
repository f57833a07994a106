"""The rules of users: signing up, and who may read, change and delete whom."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol  # `Any`: the changed fields of a user are of several types

from pydantic import SecretStr

from shop.attempts.models import Attempt
from shop.attempts.service import attempt_on
from shop.auth.caller import Caller, Client, Role, require
from shop.auth.passwords import complaint
from shop.clock import Clock
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
from shop.metrics import count
from shop.pagination import Rows, Slice, Span
from shop.preconditions import Precondition
from shop.users.emails import is_spelling_of
from shop.users.models import Credential, FormerEmail, User, UserStatus
from shop.users.schemas import (
    PasswordChange,
    UserCreate,
    UserListQuery,
    UserReplace,
    UserUpdate,
)

MOST_FORMER_EMAILS = 10  # enough for notices that are late to meet their address
# After a longer pass over a user's traces, too little of the function's 10 s may be left to commit
# and to look again.
MAX_PASS = timedelta(seconds=3)
MOST_TRIES = 5  # against others who change the same user at the same time


class Overtaken(Exception):
    """Somebody changed the user, or the credential, since it was read; nothing was written."""


class UserStore(Protocol):
    def add(self, user: User, password_hash: str) -> None:
        """User, credential and gate together; raises `EmailInUse`."""

    def get(self, user_id: str) -> User | None: ...

    def credential(self, email: str) -> Credential | None: ...

    def save(
        self,
        before: User,
        after: User,
        attempt: Attempt | None = None,
        by_admin: str | None = None,
    ) -> None:
        """What changed, with credential, gate and the number of admins; takes the attempt back.

        Raises `Overtaken`, `EmailInUse`, `LastAdmin`; `Forbidden` where another does it, by their
        id, who is no active admin any more.
        """

    def delete(self, user: User, by_admin: str | None = None) -> None:
        """User and credential, with the sessions that fit in; the gate stays shut. Raises
        `Overtaken`, `LastAdmin`, and `Forbidden` as above.
        """

    def change_password(
        self, user: User, session_id: str, old_hash: str, new_hash: str, attempt: Attempt
    ) -> None:
        """Hash and epoch, and that of this one session; takes the attempt back.

        Raises `Overtaken`, `Unauthorized`.
        """

    def list(
        self, statuses: Sequence[UserStatus], sort: str, span: Span, descends: bool
    ) -> Rows[User]:
        """By `createdAt`, `name` or `email`."""

    def search(
        self, text: str, statuses: Sequence[UserStatus], span: Span, descends: bool
    ) -> tuple[Rows[User], int | None]:
        """Those whose name or e-mail holds the text, by `createdAt`, and how many there are in
        all, if that could be counted.
        """

    def count(self, statuses: Sequence[UserStatus]) -> int: ...

    def active_admins(self) -> int: ...


class TraceStore(Protocol):
    def erase(self, user_id: str, is_gone: bool) -> bool:
        """Notes of orders, recorded responses and tokens, and the sessions of a user who is gone.

        True if any were there. May be repeated.
        """


class AttemptLimit(Protocol):
    def count(self, attempt: Attempt) -> Attempt:
        """Counts it as failed; raises `TooManyRequests`."""


class UserService:
    def __init__(
        self,
        users: UserStore,
        attempts: AttemptLimit,
        hash_password: Callable[[str], str],
        password_matches: Callable[[str, str | None], bool],
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._users = users
        self._attempts = attempts
        self._hash_password = hash_password
        self._password_matches = password_matches
        self._clock = clock
        self._new_id = new_id

    def sign_up(self, wanted: UserCreate, role: Role = Role.CUSTOMER) -> User:
        """Anybody may become a customer; only who runs the system says another role."""
        now = self._clock()
        user = User(
            id=self._new_id(),
            email=wanted.email,
            name=wanted.name,
            status=UserStatus.ACTIVE,
            role=role,
            email_verified=False,
            created_at=now,
            updated_at=now,
            version=1,
        )
        self._users.add(user, self._hash_password(wanted.password.get_secret_value()))
        count("SignUps")
        return user

    def read(self, caller: Caller, user_id: str) -> User:
        require(caller.may_act_for(user_id))
        return self._get(user_id)

    def list(self, caller: Caller, query: UserListQuery) -> Slice[User]:
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
        wanted: UserReplace,
        precondition: Precondition,
        client: Client,
    ) -> User:
        changes = {name: getattr(wanted, name) for name in ("email", "name", "status", "role")}
        return self._change(caller, user_id, changes, wanted.current_password, precondition, client)

    def update(
        self,
        caller: Caller,
        user_id: str,
        wanted: UserUpdate,
        precondition: Precondition,
        client: Client,
    ) -> User:
        changes = wanted.changes()
        current_password = changes.pop("current_password", None)
        return self._change(caller, user_id, changes, current_password, precondition, client)

    def foresee(self, caller: Caller, user_id: str, status: UserStatus) -> User:
        """The user as they are before that change of status; raises `LastAdmin` as it would."""
        require(caller.is_admin)
        user = self._get(user_id)
        ceases = user.is_active_admin and status is not UserStatus.ACTIVE
        if ceases and self._users.active_admins() <= 1:
            raise LastAdmin
        return user

    def change_status(self, user_id: str, status: UserStatus) -> None:
        """By an operator, whom IAM has let in: nobody's role is asked."""
        for _ in range(MOST_TRIES):
            user = self._get(user_id)
            if user.status is status:
                return
            try:
                return self._users.save(user, self._next(replace(user, status=status)))
            except Overtaken:
                continue
        raise ServiceUnavailable(retry_after=1)

    def delete(
        self, caller: Caller, user_id: str, precondition: Precondition, traces: TraceStore
    ) -> None:
        """Erase the user; what they ordered stays under the bare id, without its notes.

        Traces go before the commit, while a client whose time is over can still repeat the request,
        and again after it, for what was written meanwhile. Raises `ServiceUnavailable` where a
        retry has to continue.
        """
        require(caller.may_act_for(user_id))
        admin_id = _other_admin(caller, user_id)
        for _ in range(MOST_TRIES):
            user = self._users.get(user_id)
            if user is None:
                # An erasure that was committed may lack its second pass.
                traces.erase(user_id, is_gone=True)
                raise NotFound
            precondition.check(user.version)
            self._require_deletable(user, admin_id)
            began_at = self._clock()
            if traces.erase(user_id, is_gone=False) and self._clock() - began_at > MAX_PASS:
                break
            try:
                self._users.delete(user, admin_id)
            except Overtaken:
                continue
            traces.erase(user_id, is_gone=True)
            return
        raise ServiceUnavailable(retry_after=1)

    def change_password(
        self, caller: Caller, user_id: str, wanted: PasswordChange, client: Client
    ) -> None:
        """Ends all sessions but the caller's; raises `InvalidCredentials`, `TooManyRequests`."""
        require(caller.id == user_id)
        new_password = wanted.new_password.get_secret_value()
        attempt: Attempt | None = None
        for _ in range(MOST_TRIES):
            user = self._get(user_id)
            # Before the old one is compared, since what is refused for it stays counted.
            wrong = complaint(new_password, is_spelling_of(new_password, user.email))
            if wrong is not None:
                raise ValidationFailed(details=[Detail("body.newPassword", *wrong)])
            if attempt is None:
                attempt = self._attempts.count(attempt_on(user.email, client.ip_address))
            try:
                old_hash = self._proven_hash(user, wanted.current_password)
                new_hash = self._hash_password(new_password)
                return self._users.change_password(
                    user, caller.session_id, old_hash, new_hash, attempt
                )
            except Overtaken:
                continue
        raise ServiceUnavailable(retry_after=1)

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
        `InvalidCredentials`, `TooManyRequests`.
        """
        require(caller.may_act_for(user_id))
        attempt: Attempt | None = None
        for _ in range(MOST_TRIES):
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
            try:
                if changed.email != user.email:
                    if caller.id == user_id:
                        if attempt is None and current_password is not None:
                            attempt = self._attempts.count(
                                attempt_on(user.email, client.ip_address)
                            )
                        self._proven_hash(user, current_password)
                    changed = replace(
                        changed, email_verified=False, former_emails=_with_former_email(user)
                    )
                changed = self._next(changed)
                self._users.save(user, changed, attempt, _other_admin(caller, user_id))
            except Overtaken:
                continue
            return changed
        raise ServiceUnavailable(retry_after=1)

    def _require_deletable(self, user: User, admin_id: str | None) -> None:
        """Check before anything is erased what the commit checks too.

        Raises `Forbidden`, `LastAdmin`.
        """
        if admin_id is not None:
            admin = self._users.get(admin_id)
            if admin is None or not admin.is_active_admin:
                raise Forbidden
        if user.is_active_admin and self._users.active_admins() <= 1:
            raise LastAdmin

    def _next(self, changed: User) -> User:
        return replace(changed, updated_at=self._clock(), version=changed.version + 1)

    def _get(self, user_id: str) -> User:
        user = self._users.get(user_id)
        if user is None:
            raise NotFound
        return user

    def _proven_hash(self, user: User, current_password: SecretStr | None) -> str:
        """The stored hash that the password has; raises `InvalidCredentials`.

        Or `Overtaken`, where the address is not the user's any more: they changed it meanwhile.
        """
        credential = self._users.credential(user.email)
        if credential is None or credential.user_id != user.id:
            raise Overtaken
        password = current_password.get_secret_value() if current_password else None
        if password is None or not self._password_matches(password, credential.password_hash):
            raise InvalidCredentials("The current password is wrong or missing.")
        return credential.password_hash


def _other_admin(caller: Caller, user_id: str) -> str | None:
    """Who does to another what only admins may, by their id; None where users do it themselves."""
    return None if caller.id == user_id else caller.id


def _with_former_email(user: User) -> Sequence[FormerEmail]:
    """Who holds an address is told that it was replaced, by an event that holds no address."""
    former = FormerEmail(user.email, version=user.version + 1)
    return (*user.former_emails, former)[-MOST_FORMER_EMAILS:]
