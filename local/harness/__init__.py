"""What runs in your process: it starts the cloud, applies the stack and drives the scenarios."""
