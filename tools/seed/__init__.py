"""As many users, products and orders as are wanted, the same every time."""
