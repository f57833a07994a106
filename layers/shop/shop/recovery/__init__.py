"""Recovery: whoever reads an address's mail can confirm it, and choose a new password."""
