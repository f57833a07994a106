"""Derived files of the Python client: models, bodies, operations and the blocking variant."""
