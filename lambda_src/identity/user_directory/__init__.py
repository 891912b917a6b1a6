"""Triggers of a Cognito user pool: sign-in by one-time code, who may sign up, linking, groups; identity providers.

What a trigger raises is shown to whoever is signing in: messages are constants that tell nothing about a user.
Codes, answers, tokens, names and addresses are never logged.
"""
