"""Which secrets break AWS Config's rotation rules: `report` writes it down, for an account or all of an aggregator."""
