"""DELETE /api/sessions: log out everywhere."""

from shop.auth.caller import Caller
from shop.endpoint import endpoint
from shop.sessions.provide import Sessions


@endpoint("DELETE /api/sessions")
def handler(caller: Caller, sessions: Sessions) -> None:
    """Log out everywhere, here too."""
    sessions.end_all(caller)
