"""What operators may switch off for a while, by a parameter of the template."""

from shop.config import setting
from shop.errors import ServiceUnavailable

ASK_AGAIN_AFTER = 300  # seconds: to switch it on again is a deployment


def require_enabled(switch: str, message: str) -> None:
    """Raises `ServiceUnavailable` with the message where the setting is `off`."""
    if setting(switch) == "off":
        raise ServiceUnavailable(message, retry_after=ASK_AGAIN_AFTER)
