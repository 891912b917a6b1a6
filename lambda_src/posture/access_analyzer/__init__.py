"""Notify of IAM Access Analyzer's findings and, on request, shut off access to buckets.

`respond` is the function. Its parts: `findings` (the content of a finding), `decisions` (the plan for it), `shut_off`
(carrying out the plan), `ledger` (each version of a finding once), `notices` (the texts).
"""
