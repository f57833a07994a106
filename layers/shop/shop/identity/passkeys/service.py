"""The rules of passkeys: challenges, and registration soon after a login."""

from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Protocol
from uuid import UUID, uuid5

from shop.caller import Caller
from shop.clock import Clock, to_text
from shop.errors import Detail, LimitReached, PasskeyExists, ValidationFailed
from shop.identity.authenticators.models import Kind
from shop.identity.passkeys.ceremonies import check_registration
from shop.identity.passkeys.challenges import Challenge, find_challenge, new_challenge
from shop.identity.passkeys.models import MAX_PASSKEYS, Passkey, RelyingParty
from shop.identity.passkeys.rejection import ChallengeSpent, Rejected
from shop.identity.security_notices import Change
from shop.identity.sessions.models import Session
from shop.metrics import count
from shop.retries import retry_stale

if TYPE_CHECKING:
    from shop.identity.passkeys.requests import PasskeyCreate


class PasskeyStore(Protocol):
    def registered(self, user_id: str) -> Set[str]:
        """Return the ids of a user's passkeys."""

    def add(self, passkey: Passkey, challenge: Challenge, session: Session) -> None:
        """Store the passkey and spend the challenge.

        Raise `StaleVersion` if the passkey exists, `ChallengeSpent`, or `Unauthorized` if the
        session ended.
        """


class RecentLogin(Protocol):
    def require(self, caller: Caller) -> Session:
        """Return the session; raise `LoginTooOld`, or `Unauthorized` if it ended."""


class Notices(Protocol):
    def send(self, user_id: str, change: Change, kind: str, reference: str) -> None:
        """Email the owner of the account, once for each reference."""


class ChallengeService:
    def __init__(self, relying_party: RelyingParty, key: Callable[[], bytes], clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self.domain = relying_party.domain

    def create(self) -> Challenge:
        """Return a new challenge. It is not stored."""
        return new_challenge(self._key(), self._clock())


class PasskeyService:
    def __init__(
        self,
        passkeys: PasskeyStore,
        recent_login: RecentLogin,
        relying_party: RelyingParty,
        key: Callable[[], bytes],
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._passkeys = passkeys
        self._recent_login = recent_login
        self._relying_party = relying_party
        self._key = key
        self._notices = notices
        self._clock = clock

    def register(self, caller: Caller, payload: "PasskeyCreate") -> Passkey:
        """Add a passkey of the caller, after the email to the owner was requested.

        Raise `LoginTooOld`, `ValidationFailed`, `PasskeyExists`, or `LimitReached` from
        `MAX_PASSKEYS` on; concurrent registrations may exceed it.
        """
        caller = caller.within(None, None)  # closed to third-party apps
        session = self._recent_login.require(caller)
        challenge = find_challenge(self._key(), payload.challenge, self._clock())
        if challenge is None:
            raise _invalid_challenge()
        passkey = self._checked(caller.id, payload)
        retry_stale(lambda: self._add(passkey, challenge, session))
        count("PasskeysAdded")
        return passkey

    def _add(self, passkey: Passkey, challenge: Challenge, session: Session) -> None:
        """Raise `StaleVersion` if another request added the same passkey meanwhile."""
        registered = self._passkeys.registered(passkey.user_id)
        if passkey.id in registered:
            raise PasskeyExists
        if len(registered) >= MAX_PASSKEYS:
            raise LimitReached
        # Before the change, so that none is made without its email.
        reference = f"{passkey.id} {to_text(passkey.created_at)}"
        self._notices.send(passkey.user_id, Change.ADDED, Kind.PASSKEY, reference)
        try:
            self._passkeys.add(passkey, challenge, session)
        except ChallengeSpent:
            raise _invalid_challenge() from None

    def _checked(self, user_id: str, payload: "PasskeyCreate") -> Passkey:
        registration = payload.registration()
        try:
            data = check_registration(registration, payload.challenge, self._relying_party)
        except Rejected as rejected:
            detail = Detail(f"body.{rejected.field}", rejected.code, rejected.message)
            raise ValidationFailed(details=[detail]) from None
        return Passkey(
            user_id=user_id,
            id=passkey_id(user_id, registration.credential_id),
            credential_id=registration.credential_id,
            public_key=registration.public_key,
            counter=data.counter,
            is_backup_eligible=data.is_backup_eligible,
            is_backed_up=data.is_backed_up,
            name=payload.name,
            created_at=self._clock(),
            last_used_at=None,
        )


def passkey_id(user_id: str, credential_id: bytes) -> str:
    """Return the id of a passkey of a user: the same for the same credential, which makes it
    unique, and a login reads it without an index.
    """
    return str(uuid5(UUID(user_id), f"passkey {credential_id.hex()}"))


def _invalid_challenge() -> ValidationFailed:
    message = "Must be an unused challenge of the last 5 minutes."
    return ValidationFailed(details=[Detail("body.challenge", "invalid_challenge", message)])
