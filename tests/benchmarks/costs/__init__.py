"""What a million calls of each endpoint cost, and at which memory: `make bench-costs`."""
