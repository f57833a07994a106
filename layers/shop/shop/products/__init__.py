"""Products: the catalogue and its stock."""
