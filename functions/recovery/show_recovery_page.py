"""GET /recovery: the page that emailed links open."""

from shop.entrypoints.http import endpoint
from shop.identity.recovery.page import RecoveryPage, recovery_page


@endpoint("GET /recovery", is_page=True)
def handler() -> RecoveryPage:
    """Show a page that verifies an address or sets a new password, with the token of its link."""
    return recovery_page()
