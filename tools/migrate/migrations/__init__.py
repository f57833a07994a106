"""The migrations, each in a module named by its number."""
