"""Sessions: logging in, and the gate that can end them all."""
