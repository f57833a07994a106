"""Orders: placing, reading and changing them."""
