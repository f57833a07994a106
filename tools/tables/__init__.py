"""Scans of whole tables at a limited rate, for the tools that migrate, recount and restore."""
