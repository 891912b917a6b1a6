"""Scenarios of the capabilities that protect keys, secrets and public endpoints."""
