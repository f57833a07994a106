"""Personal data: the export of everything that the shop stores about a user."""
