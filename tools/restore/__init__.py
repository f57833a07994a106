"""What a table was at a moment, beside what it is: compared, and brought back item by item."""
