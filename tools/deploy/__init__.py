"""The IAM policies of a stack's deployer, from what Terraform's provider was recorded to call."""
