"""Answers an alarm on KMS's request rate: `request_increase` asks for a larger quota, within limits."""
