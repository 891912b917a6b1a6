"""Review MSK Connect: what exists, what differs from Terraform, what no connector uses any more."""
