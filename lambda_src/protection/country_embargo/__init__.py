"""An embargo document in S3, kept in force by AWS WAF: `apply` enforces it, `preview` says what a file would do."""
