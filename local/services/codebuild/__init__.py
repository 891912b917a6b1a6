"""CodeBuild: projects, report groups, and builds that run the commands of their buildspec as processes on this machine.

A build has the permissions of its project's service role: it fetches its source, writes its log and its test reports as
that role, and its processes have credentials of it and this cloud as endpoint. Its image is not run: the commands find
the Terraform and the Checkov that set-up installed. Not here: privileged builds, caches, batches, fleets, VPCs, and
sources other than S3 (a pipeline hands over its artifacts as such) and NO_SOURCE.
"""

from __future__ import annotations

import sys

from local.services import register


def install() -> None:
    """Serve CodeBuild from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])
