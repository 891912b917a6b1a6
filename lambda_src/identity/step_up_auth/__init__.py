"""Step-up authentication: a second factor at the moment of a privileged API call."""
