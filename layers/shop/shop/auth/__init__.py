"""Who calls, what they may do, and the tokens and passwords that prove it."""
