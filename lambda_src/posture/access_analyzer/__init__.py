"""What IAM Access Analyzer finds, told in words; and, when asked for, access to buckets shut off.

`respond` is the function. Beside it: `findings` (what a finding says), `decisions` (what to do about it), `shut_off`
(doing it), `ledger` (each version of a finding once), `notices` (the words).
"""
