"""POST /api/users: sign up."""

from shop.auth.caller import Client
from shop.endpoint import endpoint
from shop.errors import EmailInUse, ServiceUnavailable
from shop.operations.switches import require_on
from shop.users.provide import Users
from shop.users.schemas import UserCreate, UserRead


@endpoint("POST /api/users", status=201, raises=(EmailInUse, ServiceUnavailable))
def handler(wanted: UserCreate, client: Client, users: Users) -> UserRead:
    """Sign up as a customer."""
    require_on("SIGN_UP", "Signing up is switched off for now.")
    return UserRead.of(users.sign_up(wanted, client))
