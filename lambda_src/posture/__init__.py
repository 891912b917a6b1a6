"""Capabilities that watch and report the security posture."""
