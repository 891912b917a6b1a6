"""Triggers of a Cognito user pool (one-time codes, sign-up rules, linking, groups), and identity providers.

Cognito shows the message of a trigger's exception to the person who signs in. So messages are constants that reveal
nothing about a user. Codes, answers, tokens, names and addresses are never logged.
"""
