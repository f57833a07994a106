"""The shared layer of the shop: schemas, services, repositories and the HTTP edge."""

import gc

# Imports make 80,000 objects that live as long as the sandbox: to look through them for garbage,
# forty times, is a tenth of a cold start, and for as many calls 20 ms now and then.
gc.set_threshold(100_000)
