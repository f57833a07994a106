"""The user service, created on first use."""

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
from shop.users.service import PersonalDataStore, UserService


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


def personal_data() -> PersonalDataStore:
    # Imported here, since only the deletion uses it.
    from shop.users.erasure import PersonalDataRepository

    return PersonalDataRepository()


Users = Annotated[UserService, Depends(user_service)]
PersonalData = Annotated[PersonalDataStore, Depends(personal_data)]
