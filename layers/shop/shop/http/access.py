"""Access rules of endpoints, checked before the path, headers and body are validated."""

from collections.abc import Callable, Mapping
from typing import Annotated, NamedTuple

from shop.caller import Caller, require
from shop.http.parameters import BoundEndpoint, Reader


class Access(NamedTuple):
    """A rule on the caller and the user id in the path, on the annotation of the caller.

    Services check the same rule again, close to the data.
    """

    description: str  # for the OpenAPI document
    allows: Callable[[Caller, str], bool]

    def check(self, caller: Caller, path_parameters: Mapping[str, str]) -> None:
        """Raise `Forbidden` unless the rule allows the caller, also for an invalid id."""
        user_id = path_parameters.get("userId", "")
        require(self.allows(caller, caller.id if user_id == "me" else user_id.lower()))

    def bind(self, _endpoint: BoundEndpoint, _: str, /) -> Reader:
        return lambda request: request.caller


AdminCaller = Annotated[Caller, Access("Admins only.", lambda caller, _: caller.is_admin)]
SelfOrAdminCaller = Annotated[Caller, Access("The user and admins only.", Caller.may_act_for)]
SelfCaller = Annotated[Caller, Access("The user only.", lambda caller, user: caller.id == user)]
