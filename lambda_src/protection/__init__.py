"""Keys, secrets and the edge."""
