"""Who may call an endpoint: decided before its path, headers and body are validated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from shop.caller import Caller, require


@dataclass(frozen=True)
class Access:
    """A rule on the caller, and on the user whose id is in the path.

    Services check the same again, close to the data.
    """

    description: str  # for the OpenAPI document
    allows: Callable[[Caller, str], bool]

    def check(self, caller: Caller, path_parameters: Mapping[str, str]) -> None:
        """Raise `Forbidden` unless the rule allows it, also where the path holds no valid id."""
        user_id = path_parameters.get("userId", "")
        require(self.allows(caller, caller.id if user_id == "me" else user_id.lower()))


AdminCaller = Annotated[Caller, Access("Admins only.", lambda caller, _: caller.is_admin)]
SelfOrAdminCaller = Annotated[Caller, Access("The user and admins only.", Caller.may_act_for)]
SelfCaller = Annotated[Caller, Access("The user only.", lambda caller, user: caller.id == user)]
