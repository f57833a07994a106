"""Passkeys in the tables of the mocked AWS, and bodies of valid requests with them."""

from typing import Any  # JSON

from shop.clock import now
from shop.identity.passkeys.challenges import new_challenge
from shop.identity.passkeys.dependencies import challenge_key
from shop.identity.passkeys.models import Algorithm, Passkey, PublicKey
from shop.identity.passkeys.repository import PasskeyRepository
from shop.identity.passkeys.service import passkey_id
from shop.identity.sessions.models import Session
from tests.support.software_authenticator import SoftwareAuthenticator, spki_of

type Json = dict[str, Any]


class StoredPasskeys:
    """Bodies of the user of a session, each for a challenge of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def body_of(self, route: str | None) -> Json | None:
        """Return the body of a route with a challenge, which expires; None for other routes."""
        match route:
            case "POST /api/passkeys":
                return self.registration()
            case "POST /api/passkey-sessions":
                return self.login()
        return None

    def registration(self) -> Json:
        return SoftwareAuthenticator().register(_challenge())

    def login(self) -> Json:
        """Add a passkey, and return its login."""
        device, user_id = SoftwareAuthenticator(), self._session.user_id
        passkey = Passkey(
            user_id=user_id,
            id=passkey_id(user_id, device.credential_id),
            credential_id=device.credential_id,
            public_key=PublicKey(Algorithm(device.algorithm), spki_of(device.key)),
            counter=0,
            is_backup_eligible=True,
            is_backed_up=True,
            name="Ada's phone",
            created_at=now(),
            last_used_at=None,
        )
        spent = new_challenge(challenge_key(), now())
        PasskeyRepository().add(passkey, spent, self._session)
        return device.log_in(_challenge(), user_id)


def _challenge() -> str:
    return new_challenge(challenge_key(), now()).text
