"""Capabilities that protect keys, secrets and what is reachable from outside."""
