"""What State Manager needs of the engine that answers requests about tags; that engine replaces `tags`."""

from __future__ import annotations

tags: dict[str, dict[str, str]] = {}
"""The tags of associations, by their ID."""
