"""Respond to alarms on the request rate of KMS: `request_increase` requests a larger quota, within limits."""
