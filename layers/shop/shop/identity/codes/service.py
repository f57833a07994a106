"""The rules of codes: five wrong ones in 15 minutes, and each right one counts once."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Protocol

from shop.clock import Clock, to_text
from shop.errors import InvalidCode
from shop.identity.codes import recovery_codes, totp
from shop.identity.codes.models import AuthenticatorApp, CodeUse
from shop.identity.codes.secrets import Derive, app_secret, recovery_key
from shop.identity.login_attempts.models import Guess, RateLimitedRequest
from shop.identity.security_notices import Change, SecurityNotices
from shop.metrics import count

KIND = "totp"

_MAX_TEXT = 40  # characters, blanks and hyphens included
_SEPARATORS = re.compile(r"[\s-]+")
_DIGITS = re.compile(rf"[0-9]{{{totp.DIGITS}}}")


class AppStore(Protocol):
    def app(self, user_id: str, authenticator_id: str) -> AuthenticatorApp | None: ...


class CodeLimit(Protocol):
    def guess(self, attempt: RateLimitedRequest) -> AbstractContextManager[Guess]:
        """Count it as failed unless it ends in success or a 503; raise `TooManyRequests`."""

    def full_until(self, attempt: RateLimitedRequest) -> datetime | None:
        """Return the time until which no other guess is admitted; None if one is."""


class CodeService:
    def __init__(
        self,
        apps: AppStore,
        limit: CodeLimit,
        derive: Derive,
        notices: SecurityNotices,
        clock: Clock,
    ) -> None:
        self._apps = apps
        self._limit = limit
        self._derive = derive
        self._notices = notices
        self._clock = clock

    @contextmanager
    def guess(self, user_id: str, attempt: RateLimitedRequest) -> Iterator[Guess]:
        """Count a guess before its code is compared; raise `TooManyRequests`.

        The wrong code that fills the window is reported to the owner of the account.
        """
        try:
            with self._limit.guess(attempt) as guess:
                yield guess
        except InvalidCode:
            count("WrongCodes")
            full_until = self._limit.full_until(attempt)
            if full_until is not None:
                self._notices.send(user_id, Change.WRONG_CODES, KIND, to_text(full_until))
            raise

    def use(self, user_id: str, authenticator_id: str, code: str, guess: Guess) -> CodeUse:
        """Return the use of a right code, which a transaction spends. Raise `InvalidCode`."""
        app = self._apps.app(user_id, authenticator_id)
        if app is None or not app.is_active:
            raise InvalidCode
        return self.use_of(app, code, guess)

    def use_of(self, app: AuthenticatorApp, code: str, guess: Guess) -> CodeUse:
        code = canonical_code(code)
        use = CodeUse(app.user_id, app.id, self._clock(), guess.attempt)
        if _DIGITS.fullmatch(code):
            use = use._replace(step=self._unused_step(app, code, use.at))
        else:
            use = use._replace(recovery_digest=self._unused_digest(app, code))
        guess.is_right = True
        return use

    def _unused_step(self, app: AuthenticatorApp, code: str, at: datetime) -> int:
        step = totp.matching_step(app_secret(self._derive, app), code, at)
        if step is None or step <= app.last_step:
            raise InvalidCode
        return step

    def _unused_digest(self, app: AuthenticatorApp, code: str) -> str:
        digest = recovery_codes.digest_of(recovery_key(self._derive, app.user_id), code)
        if digest not in app.recovery_digests:
            raise InvalidCode
        return digest


def canonical_code(text: str) -> str:
    """Return a code as typed without blanks, hyphens and capitals; "" for a longer text."""
    return _SEPARATORS.sub("", text).lower() if len(text) <= _MAX_TEXT else ""
