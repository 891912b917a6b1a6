"""Secrets that break AWS Config's rotation rules: `report` writes the list, for an account or an aggregator."""
