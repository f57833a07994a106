"""The cost per million calls of each endpoint, by memory size: `make bench-costs`."""
