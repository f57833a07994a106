"""ministack, mended where it differs from AWS in ways this stack would notice."""
