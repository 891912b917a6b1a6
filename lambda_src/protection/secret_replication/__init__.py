"""Copy secrets to other Regions, accounts and names: `replicate` follows changes, `reconcile` repairs differences."""
