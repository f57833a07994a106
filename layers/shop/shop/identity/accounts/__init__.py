"""Accounts: credentials, account state and the count of active admins."""
