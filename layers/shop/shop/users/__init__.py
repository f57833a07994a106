"""Users: who they are, their credentials, and signing up."""
