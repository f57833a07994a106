"""What lists know beside the tables: totals by status, and rows by which users are searched."""
