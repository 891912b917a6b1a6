"""Scenarios of the capabilities that protect keys, secrets and the edge."""
