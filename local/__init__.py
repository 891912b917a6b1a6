"""The local cloud: MiniStack and moto behind one loopback endpoint, with IAM enforced. Not for production use."""
