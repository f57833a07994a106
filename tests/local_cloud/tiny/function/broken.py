"""A module that fails to import."""

import no_such_module  # noqa: F401  (fails on purpose)
