"""A module of the tiny stack's layer."""

NAME = "first"
