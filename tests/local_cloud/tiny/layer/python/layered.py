"""What the tiny stack's layer has."""

NAME = "first"
