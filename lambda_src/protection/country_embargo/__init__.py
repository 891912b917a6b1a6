"""An embargo document in S3 that AWS WAF enforces: `apply` enforces it, `preview` shows what a file would change."""
