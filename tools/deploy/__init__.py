"""The IAM policies of whoever deploys a stack, from what Terraform's provider was seen to call."""
