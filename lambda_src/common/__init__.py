"""Code that all functions share: settings from the environment, AWS clients, logs and metrics."""
