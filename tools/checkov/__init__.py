"""What Checkov imports by .checkov.yaml; without this file it would pass the folder by."""
