"""The shared layer of the shop: schemas, services, repositories and the HTTP edge."""

import gc
import os

# Imports make 80,000 objects that live as long as the sandbox: to look through them for garbage,
# forty times, is a tenth of a cold start, and for as many calls 20 ms now and then.
gc.set_threshold(100_000)

# Pydantic would look through all installed packages for plugins, of which there are none: 3 ms.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
