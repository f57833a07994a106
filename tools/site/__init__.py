"""The documentation site: built from `docs/`, the API document and the linked files."""
