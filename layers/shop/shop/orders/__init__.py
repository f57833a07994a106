"""Orders: placing and reading them."""
