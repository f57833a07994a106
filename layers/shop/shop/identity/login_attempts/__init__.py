"""Login attempts and other rate limits of persons and networks."""
