"""The AWS provider refuses, at plan time and with the argument's name, values that the blocks do not validate."""

import json
import shutil
import subprocess

import pytest

from tools import package
from tools.bootstrap import ROOT, init_env, terraform_bin, terraform_env

STACK = """
mock_provider "aws" {
  source = "./mocks"
}

run "refused" {
  command = plan
}
"""

CONFIGURATION = """
module "context" {
  source    = "./modules/context"
  build_dir = "build"
}

module "functions" {
  source  = "./modules/blocks/functions"
  context = module.context.context
  package = "posture/finding_export"
  functions = {
    small  = { name = "small", description = "d", handler = "a.b", memory_size = 64 }
    slow   = { name = "slow", description = "d", handler = "a.b", timeout = 901 }
    many   = { name = "many", description = "d", handler = "a.b", reserved_concurrency = -2 }
  }
  metric_alarms = {
    statistic = { description = "d", metric = "m", dimensions = {}, statistic = "Total" }
    missing   = { description = "d", metric = "m", dimensions = {}, treat_missing_data = "never" }
  }
}

module "rule" {
  source        = "./modules/blocks/event_rule"
  context       = module.context.context
  name          = "rule"
  description   = "d"
  event_pattern = "aws.states"
  targets       = { queue = { arn = "arn:aws:sqs:eu-central-1:111122223333:work", kind = "sqs" } }
}

module "queue" {
  source                     = "./modules/blocks/queue"
  context                    = module.context.context
  name                       = "queue"
  visibility_timeout_seconds = 43201
  message_retention_seconds  = 59
}

module "bucket" {
  source          = "./modules/blocks/bucket"
  context         = module.context.context
  name            = "bucket"
  noncurrent_days = 0
}

module "recorder" {
  source              = "./modules/blocks/config_recorder"
  context             = module.context.context
  recording_frequency = "HOURLY"
}

module "channel" {
  source             = "./modules/blocks/config_recorder"
  context            = module.context.context
  snapshot_frequency = "Two_Hours"
}

module "table" {
  source           = "./modules/blocks/table"
  context          = module.context.context
  name             = "table"
  hash_key         = "id"
  stream_view_type = "ALL"
}

module "api" {
  source      = "./modules/blocks/rest_api"
  context     = module.context.context
  name        = "api"
  description = "d"
  functions   = { read = { name = "read", invoke_arn = "read" } }
  routes      = { "GET /a" = { function = "read", body = "{" } }
  authorizer  = { name = "a", invoke_arn = "a", ttl_seconds = 3601 }
}
"""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return every error of a plan of the configuration above."""
    root = tmp_path_factory.mktemp("root")
    (root / "main.tf").write_text(CONFIGURATION)
    (root / "tests").mkdir()
    (root / "tests" / "refused.tftest.hcl").write_text(STACK)
    for file in ("versions.tf", ".terraform.lock.hcl"):
        shutil.copy(ROOT / file, root)
    shutil.copytree(ROOT / "tests" / "mocks", root / "mocks")
    for name in ("posture/finding_export", "layers/common"):
        package.write(root / "build" / f"{name}.zip", package.archive({"empty.py": b""}))
    (root / "modules").symlink_to(ROOT / "modules")
    env = terraform_env(root / ".terraform", checked=True)
    init = ("init", "-backend=false", "-lockfile=readonly", "-no-color")
    for arguments, own in ((init, init_env(env)), (("test", "-json"), env)):
        done = subprocess.run(
            [terraform_bin(), f"-chdir={root}", *arguments],
            env=own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or arguments[0] == "test", done.stdout + done.stderr
    found = [m["diagnostic"] for m in map(json.loads, done.stdout.splitlines()) if m["type"] == "diagnostic"]
    return "\n".join(f"{each['summary']} {each.get('detail', '')}" for each in found if each["severity"] == "error")


@pytest.mark.parametrize(
    "refusal",
    [
        "expected memory_size to be in the range (128 - 10240), got 64",
        "expected timeout to be in the range (1 - 900), got 901",
        "expected reserved_concurrent_executions to be at least (-1), got -2",
        "expected statistic to be one of",
        "expected treat_missing_data to be one of",
        '"event_pattern" contains an invalid JSON',
        "expected visibility_timeout_seconds to be in the range (0 - 43200), got 43201",
        "expected message_retention_seconds to be in the range (60 - 1209600), got 59",
        "noncurrent_days value must be at least 1, got: 0",
        'expected recording_frequency to be one of ["CONTINUOUS" "DAILY"], got HOURLY',
        "expected delivery_frequency to be one of",
        "expected stream_view_type to be one of",
        '"schema" contains an invalid JSON',
        "expected authorizer_result_ttl_in_seconds to be in the range (0 - 3600), got 3601",
    ],
)
def test_the_provider_refuses(refusal: str, refusals: str) -> None:
    assert refusal in refusals, refusals
