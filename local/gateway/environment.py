"""The environment of the gateway's process."""

from __future__ import annotations

import os
from pathlib import Path

from local.settings import ACCOUNT_ID, REGION


def environment(port: int, data_dir: Path, runtime_python: Path | None = None) -> dict[str, str]:
    """Return the whole environment of the gateway process. None of the user's AWS settings gets in."""
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPYCACHEPREFIX", "SWITCHYARD_FORK")
    return {
        **{name: os.environ[name] for name in keep if name in os.environ},
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "MINISTACK_AUTOCREATE_AWS_MANAGED": "1",
        "SFTP_ENABLED": "0",
        "LAMBDA_WARM_TTL_SECONDS": "60",  # a burst leaves processes of 40 MB each; one of a function stays
        "LOG_LEVEL": "INFO",
        "S3_DATA_DIR": str(data_dir / "s3"),
        "STATE_DIR": str(data_dir / "state"),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",
        **({"SWITCHYARD_RUNTIME_PYTHON": str(runtime_python)} if runtime_python else {}),
    }
