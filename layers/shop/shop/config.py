"""Settings, read from the environment on first use and never at import."""

import os
from functools import cache


@cache
def setting(name: str) -> str:
    """The value of an environment variable that `template.yaml` sets; raises KeyError without."""
    return os.environ[name]
