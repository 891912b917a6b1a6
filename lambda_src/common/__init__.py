"""What every function shares: settings from the environment, AWS clients, logs and metrics."""
