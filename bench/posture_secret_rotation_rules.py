"""Measure secret_rotation_rules: API calls of a report over N accounts in two Regions, against the API's minimum."""

from __future__ import annotations

import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from local.harness import scenario
from local.harness.cloud import local_cloud
from local.settings import REGION, ROOT
from scenarios.posture import secret_rotation_rules as subject

sys.path.insert(0, str(ROOT / "lambda_src"))  # As in pytest: the function runs in this process.

from posture.secret_rotation_rules import compliance

AGGREGATOR = "bench"
RULES = [subject.ROTATION_RULE, subject.SUCCESS_RULE]
PLACES = ((2, 3), (5, 3), (2, 120))  # (accounts, secrets in each of their two Regions)


def measure() -> list[dict[str, Any]]:
    """Return the figures as {"figure", "value", "unit"}."""
    results: list[dict[str, Any]] = []
    for accounts, each in PLACES:
        with tempfile.TemporaryDirectory() as name, local_cloud(Path(name) / "cloud") as cloud:
            stack = scenario.Stack(cloud, {})
            config = _aggregated(stack, accounts, each)
            cloud.control("DELETE", "calls")
            began = time.perf_counter()
            found = compliance.of_aggregator(config, AGGREGATOR, RULES).findings
            seconds = time.perf_counter() - began
            calls = [call for call in cloud.calls() if call["service"] == "config"]
        # One for each rule, one for each place and 100 results, one for the sources and for 100 secrets.
        pages = math.ceil(each / compliance.PAGE), math.ceil(2 * accounts * each / compliance.PAGE)
        fewest = len(RULES) + 2 * accounts * pages[0] + 1 + pages[1]
        of = f"{accounts} accounts, 2 Regions, {each} secrets each"
        for figure, value, unit in (
            ("findings", len(found), "findings"),
            ("AWS Config calls", len(calls), "calls"),
            ("AWS Config calls beyond the fewest", len(calls) - fewest, "calls"),
            ("time", seconds, "s"),
        ):
            results.append({"figure": f"{figure}, {of}", "value": round(value, 2), "unit": unit})
    return results


def _aggregated(stack: scenario.Stack, accounts: int, each: int) -> Any:
    """Return a client of an account whose aggregator sees `accounts`, with `each` findings in two Regions each."""
    made = [str(900_000_000_000 + number) for number in range(accounts)]
    for account in made:
        for region in (REGION, subject.OTHER_REGION):
            subject.put_recorder(stack, account, region)
            for number in range(each):
                subject.put_secret(stack, f"bench/{number}", account, region)
            theirs = stack.client("config", account=account, region=region)
            theirs.put_aggregation_authorization(AuthorizedAccountId=made[0], AuthorizedAwsRegion=REGION)
    config = stack.client("config", account=made[0])
    source = {"AccountIds": made, "AllAwsRegions": True}
    config.put_configuration_aggregator(ConfigurationAggregatorName=AGGREGATOR, AccountAggregationSources=[source])
    wanted = 2 * accounts * each
    scenario.wait_until(
        f"{wanted} findings",
        lambda: len(compliance.of_aggregator(config, AGGREGATOR, RULES).findings) == wanted,
        120,
        1,
    )
    return config
