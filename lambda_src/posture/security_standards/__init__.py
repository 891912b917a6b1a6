"""Security Hub's standards: `check` reports whether they work, `suppress` applies the suppressions to findings."""
