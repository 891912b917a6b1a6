"""`make demo`: start the local cloud, apply the stack to it, drive each capability, print what was verified."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

from local.harness import page, scenario
from local.harness.cloud import Cloud, start, stop
from local.harness.terraform import Terraform
from local.settings import DEFAULT_PORT, HOME

console = Console()
FOLDER = HOME / "demo"
PID = FOLDER / "cloud.pid"
REPORT = FOLDER / "report.html"


@contextlib.contextmanager
def step(what: str) -> Iterator[Callable[[str], None]]:
    """Show a long step while it runs, and its duration. Yield a function that shows the progress."""
    started = time.monotonic()
    with console.status(f"{what} …") as status:
        yield lambda far: status.update(f"{what} … {far}")
    console.print(f"[green]✓[/] {what} [dim]{time.monotonic() - started:.1f} s[/]")


def port() -> int:
    """Return the port of the demo's cloud: SWITCHYARD_PORT, or 4566."""
    return int(os.environ.get("SWITCHYARD_PORT", DEFAULT_PORT))


def down() -> None:
    """Stop the demo's cloud and delete its state."""
    import shutil

    if PID.exists():
        stop(int(PID.read_text()))
    shutil.rmtree(FOLDER, ignore_errors=True)


def variables_of(modules: dict[str, ModuleType]) -> dict[str, Any]:
    """Return the root variables that switch the capabilities of `modules` on."""
    merged: dict[str, Any] = {"alarm_emails": ["oncall@example.com"]}
    for module in modules.values():
        merged |= module.variables
    return merged


def deploy(cloud: Cloud, modules: dict[str, ModuleType]) -> Terraform:
    """Prepare the account, then init and apply the root module with the capabilities on."""
    variables = variables_of(modules) | scenario.prepare(modules, cloud)
    terraform = Terraform(cloud, FOLDER / "root", variables)
    with step("terraform init"):
        terraform.init()
    with step("terraform apply") as show_progress:
        terraform.apply(progress=lambda made, planned: show_progress(f"{made} of {planned} resources"))
    return terraform


def ended(report: scenario.Report) -> None:
    """Print one line for a scenario that has ended."""
    mark = "[green]✓[/]" if report.passed else "[red]✗[/]"
    console.print(f"{mark} {report.capability} [dim]{report.seconds:.1f} s[/]")


def show(reports: list[scenario.Report]) -> None:
    """Print the table of what was sent and verified."""
    table = Table(title="Switchyard on the local cloud", show_lines=True)
    for heading in ("capability", "sent", "verified", "functions run", "duration", "result"):
        table.add_column(heading, justify="right" if heading in ("functions run", "duration") else "left")
    for report in reports:
        lines = [
            f"{'✓' if c.passed else '✗'} {c.name}"
            + ("" if c.passed else f": expected {c.expected!r}, got {c.actual!r}")
            for c in report.checks
        ]
        if report.error:
            lines.append(f"✗ {report.error}")
        result = "[green]pass[/]" if report.passed else "[red]FAIL[/]"
        table.add_row(
            report.capability,
            report.sent,
            "\n".join(lines),
            str(report.functions),
            f"{report.seconds:.1f} s",
            result,
        )
    console.print(table)


def demo(names: list[str]) -> int:
    """Run the demo for the named capabilities (without names, a tour: one of each domain). Return the exit status."""
    from tools import package

    modules = scenario.find(names) if names else scenario.tour()
    started = time.monotonic()
    down()
    FOLDER.mkdir(parents=True)
    with step("build the zips for this machine"):
        package.build(package.HOST_BUILD, package.Target.host())
    with step("start the local cloud"):
        cloud, pid = start(FOLDER / "cloud", port())
        PID.write_text(str(pid))
    terraform = deploy(cloud, modules)
    stack_of = scenario.stacks(cloud, terraform.outputs(), terraform.state())
    with step("scenarios, side by side"):
        reports = scenario.run_all(modules, stack_of, done=ended)
    show(reports)
    left_out = [name for name in scenario.names() if name not in modules]
    page.write(REPORT, cloud, terraform.state(), reports, time.monotonic() - started, left_out)
    console.print(f"What called what, and when: {os.path.relpath(REPORT)} (open it in a browser)", soft_wrap=True)
    if not names:
        console.print("This was a tour. `make demo CAPABILITIES=all` runs all capabilities.")
    console.print(
        f"{time.monotonic() - started:.0f} s in all. The cloud is still up at {cloud.endpoint}: look around with\n"
        f"  AWS_ENDPOINT_URL={cloud.endpoint} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test "
        f"AWS_REGION=eu-west-1 aws s3 ls\n"
        f"  make calls     (every API call, with its principal)\n"
        f"and stop it with `make down`."
    )
    return 0 if reports and all(r.passed for r in reports) else 1
