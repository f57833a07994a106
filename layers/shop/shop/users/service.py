"""The rules of users: signing up, and who may read whom."""

from collections.abc import Callable
from typing import Protocol

from shop.auth.caller import Caller, Role, require
from shop.clock import Clock
from shop.errors import NotFound
from shop.identifiers import NewId
from shop.users.models import User, UserStatus
from shop.users.schemas import UserCreate


class UserStore(Protocol):
    def add(self, user: User, password_hash: str) -> None:
        """User, credential and gate together; raises `EmailInUse`."""

    def get(self, user_id: str) -> User | None: ...


class UserService:
    def __init__(
        self,
        users: UserStore,
        hash_password: Callable[[str], str],
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._users = users
        self._hash_password = hash_password
        self._clock = clock
        self._new_id = new_id

    def sign_up(self, wanted: UserCreate, role: Role = Role.CUSTOMER) -> User:
        """Anybody may become a customer; only who runs the system says another role."""
        now = self._clock()
        user = User(
            id=self._new_id(),
            email=wanted.email,
            name=wanted.name,
            status=UserStatus.ACTIVE,
            role=role,
            email_verified=False,
            created_at=now,
            updated_at=now,
            version=1,
        )
        self._users.add(user, self._hash_password(wanted.password.get_secret_value()))
        return user

    def read(self, caller: Caller, user_id: str) -> User:
        require(caller.may_act_for(user_id))
        user = self._users.get(user_id)
        if user is None:
            raise NotFound
        return user
