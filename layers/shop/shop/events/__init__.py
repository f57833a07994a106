"""Events: changes of users and orders, published on the bus."""
