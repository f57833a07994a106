"""``make parity``: the same steps on a local account and on AWS, compared in a table."""
