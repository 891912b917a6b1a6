"""Measurements, side by side, on the local cloud. Never a test: machines differ."""
