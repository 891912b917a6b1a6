"""The tag on an object or bucket that names the finding it was remediated for."""

import re

FINDING_TAG = "SH_Finding_ID"


def tag_value(finding_id: str) -> str:
    """Return the id as the value of an S3 tag: replace other characters with _, and keep the last 256 characters."""
    return re.sub(r"[^A-Za-z0-9 +\-=._:/@]", "_", finding_id)[-256:]
