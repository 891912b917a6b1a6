"""Cognito users who have not signed in for a while: recorded, warned, disabled, and given back when that was a race."""
