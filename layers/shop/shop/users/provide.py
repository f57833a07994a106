"""The user service, put together on first use."""

from functools import cache
from typing import Annotated

from shop.attempts.repository import AttemptRepository
from shop.attempts.service import AttemptService
from shop.auth.passwords import hash_password, verify_password
from shop.clock import now
from shop.config import setting
from shop.http.parameters import Provide
from shop.identifiers import new_id
from shop.users.repository import UserRepository
from shop.users.service import TraceStore, UserService


@cache
def user_service() -> UserService:
    return UserService(
        UserRepository(),
        AttemptService(AttemptRepository(), now),
        hash_password,
        verify_password,
        lambda: int(setting("HASHING_PER_NETWORK")),
        now,
        new_id,
    )


def traces() -> TraceStore:
    # Here, since only the deletion needs it.
    from shop.users.traces import TraceRepository

    return TraceRepository()


Users = Annotated[UserService, Provide(user_service)]
Traces = Annotated[TraceStore, Provide(traces)]
