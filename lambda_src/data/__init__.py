"""Capabilities that move, find and prepare data."""
