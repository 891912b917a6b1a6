"""Findings in chat: `notified` sets posted findings to NOTIFIED, so that their next update is not posted again."""
