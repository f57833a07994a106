"""Commands that operators send to functions."""
