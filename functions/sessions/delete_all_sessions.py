"""DELETE /api/sessions: log out everywhere."""

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.identity.sessions.dependencies import Sessions


@endpoint("DELETE /api/sessions")
def handler(caller: Caller, sessions: Sessions) -> None:
    """Log out everywhere, including this session."""
    sessions.end_all(caller)
