"""Who an application acts for."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from shop.caller import Caller
from shop.errors import InsufficientScope, NotFound
from shop.users.models import User


class Claims(NamedTuple):
    """A user, and the scopes that say what the application may see."""

    user: User
    scopes: Collection[str]


class UserInfoService:
    def __init__(self, find: Callable[[str], User | None]) -> None:
        self._find = find

    def read(self, caller: Caller) -> Claims:
        """Return the claims; raise `InsufficientScope` for the token of a session."""
        if caller.app is None or not caller.app.is_for_user:
            raise InsufficientScope
        user = self._find(caller.id)
        if user is None:
            raise NotFound
        return Claims(user, caller.app.scopes)
