"""The rooms of the HTTP edge: requests in, answers out."""
