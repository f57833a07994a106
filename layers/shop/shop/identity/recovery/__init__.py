"""Recovery: email verification and password reset by emailed links."""
