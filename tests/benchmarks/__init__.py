"""What things cost, measured; run by hand, since they take minutes."""
