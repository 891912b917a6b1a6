"""Findings of Security Hub remediated: one registry of remediations, one function for each that is chosen."""
