"""What happened to users and orders, told on the bus."""
