"""Unit tests make hundreds of boto3 sessions: one loader reads each service's model once for all of them."""

from __future__ import annotations

import functools

import botocore.loaders
import botocore.session

botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
