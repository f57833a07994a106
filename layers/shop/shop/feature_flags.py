"""Feature flags: kill switches that operators set by parameters of the template."""

from shop.config import setting
from shop.errors import ServiceUnavailable

RETRY_AFTER = 300  # seconds: enabling a feature again takes a deployment


def require_enabled(switch: str, message: str) -> None:
    """Raise `ServiceUnavailable` with the message if the setting is `off`."""
    if setting(switch) == "off":
        raise ServiceUnavailable(message, retry_after=RETRY_AFTER)
