"""Security Hub's standards: `check` tells whether they work, `suppress` keeps findings as the suppressions say."""
