"""POST /api/passkey-challenges: create a challenge."""

from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.identity.passkeys.dependencies import Challenges
from shop.identity.passkeys.requests import PasskeyChallengeCreate
from shop.identity.passkeys.responses import PasskeyChallengeResponse


@endpoint("POST /api/passkey-challenges", status=201, raises=(NotFound,))
def handler(_: PasskeyChallengeCreate, challenges: Challenges) -> PasskeyChallengeResponse:
    """Create a challenge for one registration of a passkey, or one login."""
    return PasskeyChallengeResponse.of(challenges.create(), challenges.domain)
