"""The user service, put together on first use."""

from functools import cache
from typing import Annotated

from shop.clock import now
from shop.config import setting
from shop.depends import Depends
from shop.identifiers import new_id
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import LoginAttemptService
from shop.identity.passwords import hash_password, verify_password
from shop.users.repository import UserRepository
from shop.users.service import TraceStore, UserService


@cache
def user_service() -> UserService:
    return UserService(
        UserRepository(),
        LoginAttemptService(LoginAttemptRepository(), now),
        hash_password,
        verify_password,
        lambda: int(setting("HASHING_PER_NETWORK")),
        now,
        new_id,
    )


def traces() -> TraceStore:
    # Here, since only the deletion needs it.
    from shop.users.erasure import TraceRepository

    return TraceRepository()


Users = Annotated[UserService, Depends(user_service)]
Traces = Annotated[TraceStore, Depends(traces)]
