"""OAuth clients: the applications that admins register."""
