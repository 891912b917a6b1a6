"""Benchmarks on the local cloud. They assert no times, because machines differ."""
