"""GET /recovery: the page that links in mails may lead to."""

from shop.entrypoints.http import endpoint
from shop.identity.recovery.page import RecoveryPage, recovery_page


@endpoint("GET /recovery", is_page=True)
def handler() -> RecoveryPage:
    """Show a page that confirms an address, or sets a new password, with the token in its link."""
    return recovery_page()
