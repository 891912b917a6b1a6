"""Capabilities that manage who may sign in."""
