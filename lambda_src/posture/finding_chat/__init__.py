"""Findings in chat: `notified` sets what was posted to NOTIFIED, so that its next update is not posted again."""
