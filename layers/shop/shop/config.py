"""Settings, read from the environment on first use and never at import."""

import os
from functools import cache


@cache
def setting(name: str) -> str:
    """Return an environment variable that `template.yaml` sets; raise KeyError if it is missing."""
    return os.environ[name]
