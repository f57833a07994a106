"""The shared layer of the shop: requests, responses, services, repositories and entry points."""

import gc
import os

# Imports create 80,000 objects that live as long as the sandbox. Forty garbage collections of them
# take a tenth of a cold start, and later ones 20 ms each.
gc.set_threshold(100_000)

# Pydantic would search all installed packages for plugins: 3 ms, and there are none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
