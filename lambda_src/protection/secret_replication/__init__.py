"""Secrets copied to other Regions, accounts and names: `replicate` follows changes, `reconcile` repairs the rest."""
