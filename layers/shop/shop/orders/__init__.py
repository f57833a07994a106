"""Orders: place, read, list and change them."""
