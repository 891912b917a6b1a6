"""What runs in your process: starts the cloud, applies the stack, drives the scenarios."""
