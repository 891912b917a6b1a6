"""Capabilities that protect keys, secrets and public endpoints."""
