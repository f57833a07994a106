"""Patches of ministack: every use of its private names, one row of ``table.PATCHES`` each."""
