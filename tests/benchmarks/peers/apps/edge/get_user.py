"""GET /api/users/{userId}, for an item in the peers' format."""

import edge_store
from edge_schemas import User

from shop.caller import Caller, require
from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound
from shop.json_names import to_snake
from shop.users.parameters import UserId


@endpoint("GET /api/users/{userId}", raises=(Forbidden, NotFound))
def handler(user_id: UserId, caller: Caller) -> User:
    """Return the user with one read."""
    require(caller.may_act_for(user_id))
    user = edge_store.user(user_id)
    if user is None:
        raise NotFound
    return User(**{to_snake(name): text for name, text in user.items()})
