"""The access rules of fields: those of their routes, checked before their arguments.

Services check them again, close to the data.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from shop.caller import Caller, require


class Rule(NamedTuple):
    scope: str | None
    admin_scope: str | None
    allows: Callable[[Caller, str], bool]

    def check(self, caller: Caller, user_id: str) -> None:
        """Raise `InsufficientScope` or `Forbidden`."""
        require(self.allows(caller.within(self.scope, self.admin_scope), user_id))


def _is_admin(caller: Caller, _: str) -> bool:
    return caller.is_admin


_OF_CATALOGUE = Rule(None, "admin:products:write", _is_admin)
_OF_PURCHASES = Rule("orders:write", "admin:orders:write", Caller.may_act_for)
# Other fields have no argument to validate, or are open to every caller.
RULES: Mapping[str, Rule] = {
    "Query.users": Rule(None, "admin:users:read", _is_admin),
    "Query.orders": Rule(None, "admin:orders:read", _is_admin),
    "User.orders": Rule("orders:read", "admin:orders:read", Caller.may_act_for),
    "Mutation.placeOrder": _OF_PURCHASES,
    "Mutation.updateOrder": _OF_PURCHASES,
    "Mutation.createProduct": _OF_CATALOGUE,
    "Mutation.updateProduct": _OF_CATALOGUE,
    "Mutation.deleteProduct": _OF_CATALOGUE,
    "Mutation.updateUser": Rule(None, None, Caller.may_act_for),
}
