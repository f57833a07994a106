"""Cannot be imported."""

import no_such_module  # noqa: F401  (that it fails is the point)
