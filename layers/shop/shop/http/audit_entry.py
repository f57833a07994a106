"""Actions of requests that are audited under another name than their route."""

from collections.abc import Mapping
from typing import NamedTuple


class AuditEntry(NamedTuple):
    """An action to audit: ids of its subject, and the status it would have in REST.

    Without an outcome, that of the response applies.
    """

    action: str
    subject: Mapping[str, str]
    outcome: int | None
