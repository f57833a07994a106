"""Pages in a real browser, on the deployed local stack."""
