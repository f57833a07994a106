"""The shared layer of the shop: schemas, services, repositories and the HTTP edge."""
