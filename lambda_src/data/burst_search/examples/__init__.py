"""Searches that come with the module."""
