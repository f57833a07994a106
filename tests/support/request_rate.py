"""Request rates of a deployment, kept by the client, so that the gateway throttles no test."""

import threading
import time
from collections import defaultdict, deque

# Below the defaults of template.yaml: HashingRequestRate 20, GraphQlRequestRate 50 and RequestRate
# 200, for each method.
HASHING_PER_SECOND = 15
PER_SECOND = 150
HASHING = {("POST", "/api/users"), ("POST", "/api/sessions"), ("POST", "/api/password-resets")}
LIMITS = {**dict.fromkeys(HASHING, HASHING_PER_SECOND), ("POST", "/graphql"): 40}


class RequestRate:
    """A limit of requests in any second, for all threads of a run.

    Requests below the limit start at once, so that tests of races stay races.
    """

    def __init__(self) -> None:
        self._sent: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def wait(self, method: str, path: str) -> None:
        """Wait for the turn of a request."""
        limit = LIMITS.get((method, path), PER_SECOND)
        with self._lock:
            sent = self._sent[(method, path) if (method, path) in LIMITS else ("", "")]
            turn = time.monotonic()
            if len(sent) == limit:
                turn = max(turn, sent.popleft() + 1)
            sent.append(turn)
        time.sleep(max(0.0, turn - time.monotonic()))
