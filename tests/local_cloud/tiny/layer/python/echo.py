"""A module that a function's module of the same name shadows."""
