"""Reads of a user by id: without the rules and the storage of writes, they start faster."""

from collections.abc import Callable
from functools import cache
from typing import Annotated

from shop.caller import Caller, require
from shop.depends import Depends
from shop.errors import NotFound
from shop.users.items import find_user
from shop.users.models import User


class UserReader:
    def __init__(self, find: Callable[[str], User | None]) -> None:
        self._find = find

    def read(self, caller: Caller, user_id: str) -> User:
        require(caller.may_act_for(user_id))
        user = self._find(user_id)
        if user is None:
            raise NotFound
        return user


@cache
def user_reader() -> UserReader:
    return UserReader(find_user)


UserReads = Annotated[UserReader, Depends(user_reader)]
