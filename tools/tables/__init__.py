"""What tools need to go through whole tables of a deployment."""
