"""The tag that leads from an object or bucket to the finding that it was remediated for."""

import re

FINDING_TAG = "SH_Finding_ID"


def tag_value(finding_id: str) -> str:
    """The id as the value of an S3 tag: other characters become _, and of more than 256 the last ones stay."""
    return re.sub(r"[^A-Za-z0-9 +\-=._:/@]", "_", finding_id)[-256:]
