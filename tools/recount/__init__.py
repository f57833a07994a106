"""Whether lists know what the tables say: totals, entity rows and search rows."""
