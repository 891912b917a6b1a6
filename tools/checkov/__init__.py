"""The package that .checkov.yaml names as external checks: Checkov skips a folder without this file."""
