"""POST /api/users: sign up."""

from shop.caller import Client
from shop.entrypoints.http import endpoint
from shop.errors import EmailInUse, ServiceUnavailable
from shop.feature_flags import require_enabled
from shop.users.dependencies import Users
from shop.users.requests import UserCreate
from shop.users.responses import UserResponse


@endpoint("POST /api/users", status=201, raises=(EmailInUse, ServiceUnavailable))
def handler(payload: UserCreate, client: Client, users: Users) -> UserResponse:
    """Sign up as a customer."""
    require_enabled("SIGN_UP", "Signing up is switched off for now.")
    return UserResponse.of(users.sign_up(payload, client))
