"""Capabilities that deliver what runs, and watch it."""
