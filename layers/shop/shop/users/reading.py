"""Reads of a user by id: without the rules and the storage of writes, they start faster."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated

from shop.caller import Caller, require
from shop.depends import Depends
from shop.errors import Forbidden, NotFound
from shop.users.items import find_user, find_users
from shop.users.models import User


class UserReader:
    def __init__(
        self,
        find: Callable[[str], User | None],
        find_many: Callable[[Sequence[str]], Mapping[str, User]],
    ) -> None:
        self._find = find
        self._find_many = find_many

    def read(self, caller: Caller, user_id: str) -> User:
        caller = caller.within("account:read", "admin:users:read")
        require(caller.may_act_for(user_id))
        user = self._find(user_id)
        if user is None:
            raise NotFound
        return user

    def read_many(self, caller: Caller, user_ids: Sequence[str]) -> Mapping[str, User | Forbidden]:
        """Return those of at most 100 users that exist, or the reason why one is not read."""
        caller = caller.within("account:read", "admin:users:read")
        refused = {id_: Forbidden() for id_ in user_ids if not caller.may_act_for(id_)}
        return {**self._find_many([id_ for id_ in user_ids if id_ not in refused]), **refused}


@cache
def user_reader() -> UserReader:
    return UserReader(find_user, find_users)


UserReads = Annotated[UserReader, Depends(user_reader)]
