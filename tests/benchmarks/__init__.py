"""Benchmarks of time and cost; started manually, since they take minutes."""
