"""Users: profiles, sign-up and erasure."""
