"""SSM Automation on moto's documents: executions act as the role that they assume.

Documents (CreateDocument, type Automation, schema 0.3) may use the actions of `automation.ACTIONS`. A document with
another action is started and fails at that step, with the action's name. Of AWS's own documents there is only
`AWS-PublishSNSNotification`. Each step is a real request to this cloud by a session of the document's assumeRole,
which must trust ssm.amazonaws.com and whose policies are enforced; without assumeRole, by the caller.
"""

from __future__ import annotations

import sys

from local.services import register


def install() -> None:
    """Serve Systems Manager from here in moto. Idempotent; before moto's server app or `mock_aws` starts."""
    register(sys.modules[__name__])
