"""Changes of what is stored, by numbered migrations, while the system runs."""
