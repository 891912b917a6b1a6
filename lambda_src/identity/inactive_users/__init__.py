"""Record, warn and disable inactive Cognito users, and enable those again who signed in while they were disabled."""
