"""POST /api/users: sign up."""

from shop.endpoint import endpoint
from shop.errors import EmailInUse
from shop.users.provide import Users
from shop.users.schemas import UserCreate, UserRead


@endpoint("POST /api/users", status=201, raises=(EmailInUse,))
def handler(wanted: UserCreate, users: Users) -> UserRead:
    """Sign up as a customer."""
    return UserRead.of(users.sign_up(wanted))
