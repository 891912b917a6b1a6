"""Make the alarms, the dashboard and the saved queries of all services what their resources call for.

Event:  {} or {"dry_run": bool}; messages of a queue with changed tags; {"window": name} begins a maintenance window;
        {"tf": {"action"}} from Terraform, of which `delete` deletes everything that the function has written.
Answer: the report: for each service its resources, alarms and price, and what is not covered, with the reason.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common import aws_errors, clients, observability, propagation
from common import settings as environment
from common.pacing import Pacer

from . import dashboard, plan, requests, resources
from .account import Account, Described, NotSupported, single
from .alarms import Alarm
from .errors import Incomplete, InvalidRequest, InvalidSettings, Unfinished
from .plan import Plan
from .requests import Request
from .resources import Resource
from .settings import Environment, Service, Settings, Stack

DONE = "alarms reconciled"
METRICS = ("ServicesWithoutResources", "ResourcesNotReadable", "HealthAlarms")
LISTED = 200
"""Most resources or errors in one list of a report."""

_pacers: dict[float, Pacer] = {}


@dataclass
class Result:
    """What was done and what was not."""

    alarms: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    """AWS's code, by the alarm's name."""
    late: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    """Why the dashboard or the queries failed."""
    cause: Exception | None = None


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Reconcile. Raise InvalidRequest, InvalidSettings, Incomplete or Unfinished after what could be done is done."""
    log = observability.begin(context)
    place = environment.load(Environment)
    request = requests.read(event)

    def remaining() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    region, account_id = context.invoked_function_arn.split(":")[3:5]
    partition = context.invoked_function_arn.split(":")[1]
    alarm_arn = f"arn:{partition}:cloudwatch:{region}:{account_id}:alarm:"

    def work() -> dict[str, Any]:
        settings = read(place, clients.client)
        if request.window:
            return begin(request.window, settings, clients.client)
        pacer = _pacers.setdefault(settings.writes_per_second, Pacer(settings.writes_per_second))
        return run(request, settings, Account(clients.client, remaining, pacer), region, alarm_arn)

    report = propagation.permitted(work, by_terraform=request.by_terraform)
    log.info(DONE, extra={"report": report})
    return report


def read(place: Environment, client: Callable[[str], Any]) -> Settings:
    """Return the settings. Raise InvalidSettings for a document that is none."""
    answer = client("s3").get_object(
        Bucket=place.settings_bucket, Key=place.settings_key, ExpectedBucketOwner=place.settings_owner
    )
    try:
        document = json.loads(answer["Body"].read())
    except ValueError:
        raise InvalidSettings("The settings are no JSON.") from None
    return Settings.of(document)


def begin(name: str, settings: Settings, client: Callable[[str], Any]) -> dict[str, Any]:
    """Begin a maintenance window. Raise InvalidRequest for one that the settings do not have."""
    if name not in settings.windows:
        raise InvalidRequest(
            f"There is no window of this name. The windows are: {', '.join(settings.windows) or 'none'}."
        )
    dimensions = [{"Name": key, "Value": value} for key, value in plan.window_dimensions(settings, name).items()]
    client("cloudwatch").put_metric_data(
        Namespace=plan.NAMESPACE, MetricData=[{"MetricName": plan.METRIC, "Dimensions": dimensions, "Value": 1}]
    )
    return {"window": name, "minutes": settings.windows[name].minutes}


def run(request: Request, settings: Settings, account: Account, region: str, alarm_arn: str) -> dict[str, Any]:
    """Bring everything to what the services call for. Return the report, or raise what kept parts from it."""
    result = Result()
    # The alarms are read before the resources: one that another run writes meanwhile would look like an orphan.
    present = account.alarms(settings.alarm_prefix)
    if request.remove:
        return removed(settings, account, present, result)
    plans = found(settings, account)
    wanted = write(plans, settings, account, present, result, dry_run=request.dry_run)
    price = sum(alarm.price for alarm in wanted.values())
    kept = {name for made in plans for name in made.kept if name in present}
    orphans = plan.deletions(present, {*wanted, *kept})
    composites = [name for name, alarm in wanted.items() if alarm.composite and not _is_part(name)]
    if request.dry_run:
        result.alarms["would_delete"] = len(orphans[0]) + len(orphans[1])
    else:
        _delete(account, present, orphans, result)
        page = dashboard.body(plans, composites, settings, region, alarm_arn, price)
        _part(result, "dashboard", lambda: account.put_dashboard(settings.dashboard, page))
        _part(result, "queries", lambda: account.put_queries(f"{settings.dashboard}/", queries(plans, settings)))
    report = summary(plans, wanted, result, price)
    if not request.dry_run:
        for name, value in zip(METRICS, _counts(plans, result), strict=True):
            observability.count(name, value)
    finish(result, by_terraform=request.by_terraform)
    return report


def found(settings: Settings, account: Account) -> list[Plan]:
    """Return the plan of each service, with the alarms of its resources.

    A resource that cannot be read keeps its alarms. A list that cannot be read ends the run: what is not listed would
    be taken for gone.
    """
    known: dict[str, Resource | str] = {}
    arns = {name: set(service.resources) for name, service in settings.services.items()}
    for name, service in settings.services.items():
        if service.tags:
            arns[name].update(account.tagged(service.tags))
    if settings.stack:
        taken = {arn for some in arns.values() for arn in some}
        for name, own in _of_stack(settings.stack, account, taken, known).items():
            arns.setdefault(name, set()).update(own)
    has_functions = any(":function:" in arn for some in arns.values() for arn in some)
    streaming = account.streaming() if has_functions else frozenset()
    return [_plan(settings.service(name), arns[name], settings, account, streaming, known) for name in sorted(arns)]


def _of_stack(stack: Stack, account: Account, taken: set[str], known: dict[str, Resource | str]) -> dict[str, set[str]]:
    """Return the stack's own resources by the service of their capability, except for `taken` ones."""
    made: dict[str, set[str]] = {}
    for arn in account.tagged({stack.tag_key: stack.tag_value}):
        resource = resources.read(arn)
        if resource is None or arn in taken or resources.is_part(arn):
            continue
        if resource.kind in (resources.REST_API, resources.HTTP_API):  # whose ARN has no name
            known[arn] = _completed(account, resource, frozenset())
        complete = known.get(arn, resource)
        label = complete.label if isinstance(complete, Resource) else ""
        made.setdefault(stack.service_of(label), set()).add(arn)
    return made


def _plan(
    service: Service,
    arns: set[str],
    settings: Settings,
    account: Account,
    streaming: frozenset[str],
    known: dict[str, Resource | str],
) -> Plan:
    usable: list[Resource] = []
    skipped: dict[str, str] = {}
    kept: dict[str, str] = {}
    for arn in sorted(arns):
        resource = resources.read(arn, settings.dead_letter_names)
        if resource is None:
            if not resources.is_part(arn):
                skipped[arn] = "no alarms for this kind"
            continue
        if resources.matches(arn, settings.ignored) or resources.matches(resource.name, settings.ignored):
            skipped[arn] = "ignored"
            continue
        if arn not in known:
            known[arn] = _completed(account, resource, streaming)
        complete = known[arn]
        if isinstance(complete, Resource):
            usable.append(complete)
            continue
        skipped[arn] = complete
        if complete not in ("gone", NOT_SUPPORTED):
            kept |= plan.roles_of(service, resource, settings)
    made = plan.members(service, usable, settings)
    made.skipped, made.kept = skipped | made.skipped, kept
    return made


NOT_SUPPORTED = "no alarms for a WebSocket API"


def _completed(account: Account, resource: Resource, streaming: frozenset[str]) -> Resource | str:
    """Return the resource with what its API says, or why it has none."""
    try:
        return account.completed(resource, streaming)
    except NotSupported:
        return NOT_SUPPORTED
    except Exception as error:  # one resource that cannot be read is a row of the report
        failure = aws_errors.read(error)
        if failure is None:
            raise
        return "gone" if failure.kind is aws_errors.Kind.GONE else f"not readable: {failure.code}"


def write(
    plans: list[Plan],
    settings: Settings,
    account: Account,
    present: Mapping[str, Described],
    result: Result,
    *,
    dry_run: bool,
) -> dict[str, Alarm]:
    """Write what differs: windows, then for each service its alarms and what names them. Return all that is wanted."""
    wanted: dict[str, Alarm] = {}
    there = set(present)

    def put(alarms: list[Alarm]) -> None:
        for alarm in alarms:
            wanted[alarm.name] = alarm
            before = present.get(alarm.name)
            if not alarm.differs(before):
                result.alarms["unchanged"] += 1
            elif dry_run:
                result.alarms["would_put"] += 1
                there.add(alarm.name)
            elif not result.late:
                _put(account, alarm, before, settings.tags, result, there)

    put(plan.windows(settings))
    for made in plans:
        put([alarm for role in made.members.values() for alarm in role])
        put(plan.composites(settings.service(made.service), made, there, settings))
    return wanted


def _put(
    account: Account,
    alarm: Alarm,
    before: Described | None,
    tags: Mapping[str, str],
    result: Result,
    there: set[str],
) -> None:
    try:
        account.put(alarm, before, tags)
        if before and "ThresholdMetricId" in before and "ThresholdMetricId" not in alarm.arguments:
            account.forget(before)
    except Unfinished as error:
        result.late = str(error)
    except Exception as error:
        if not single(error):
            raise
        result.failed[alarm.name] = aws_errors.name(error)
    else:
        result.alarms["put"] += 1
        there.add(alarm.name)


def _delete(
    account: Account, present: Mapping[str, Described], orphans: tuple[list[str], list[str]], result: Result
) -> None:
    """Delete composite alarms, then the metric alarms that they named, with the models of their bands."""
    if result.late:
        return
    try:
        failed = account.delete_composites(orphans[0])
        failed |= account.delete(orphans[1])
        for name in orphans[1]:
            if name not in failed:
                account.forget(present[name])
    except Unfinished as error:
        result.late = str(error)
        return
    result.failed |= failed
    result.alarms["deleted"] += len(orphans[0]) + len(orphans[1]) - len(failed)


def removed(settings: Settings, account: Account, present: Mapping[str, Described], result: Result) -> dict[str, Any]:
    """Delete everything that the function has written, also what a run at the same time still writes."""
    for _ in range(3):
        _delete(account, present, plan.deletions(present, set(result.failed)), result)
        present = {
            name: one for name, one in account.alarms(settings.alarm_prefix).items() if name not in result.failed
        }
        if not present or result.late:
            break
    account.delete_dashboard(settings.dashboard)
    account.put_queries(f"{settings.dashboard}/", {})
    if result.late:
        raise Unfinished(result.late)
    finish(result, by_terraform=True)
    return {"alarms": dict(result.alarms)}


def queries(plans: list[Plan], settings: Settings) -> dict[str, tuple[str, list[str]]]:
    """Return the saved queries of the services with functions: text and log groups, by name."""
    made: dict[str, tuple[str, list[str]]] = {}
    for one in plans:
        groups = [f"/aws/lambda/{r.name}" for r in one.resources if r.kind == resources.FUNCTION]
        for name, text in settings.queries.items() if groups else ():
            made[f"{settings.dashboard}/{one.service}/{name}"] = text, groups
    return made


def summary(plans: list[Plan], wanted: Mapping[str, Alarm], result: Result, price: float) -> dict[str, Any]:
    """Return the report."""
    services = {
        made.service: {
            "resources": dict(made.kinds),
            "alarms": {role: len(alarms) for role, alarms in made.members.items()},
            "not_covered": dict(sorted(made.skipped.items())[:LISTED]),
        }
        for made in plans
    }
    return {
        "services": services,
        "alarms": {"wanted": len(wanted), **result.alarms},
        "failed": dict(sorted(result.failed.items())[:LISTED]),
        "usd_a_month": round(price, 2),
    }


def _counts(plans: list[Plan], result: Result) -> tuple[int, int, int]:
    empty = sum(not made.resources and not any(made.members.values()) for made in plans)
    missing = sum(why.startswith(("not readable", plan.NO_FUNCTION)) for made in plans for why in made.skipped.values())
    return empty, missing, result.alarms["put"] + result.alarms["unchanged"]


def _is_part(name: str) -> bool:
    return " part " in name or name.endswith(" maintenance")


def _part(result: Result, name: str, work: Callable[[], Any]) -> None:
    """Do a part of which no alarm depends. An error of AWS ends this part alone, and is raised when all is done."""
    try:
        work()
    except Unfinished as error:
        result.late = str(error)
    except Exception as error:
        failure = aws_errors.read(error)
        if failure is None:
            raise
        result.errors[name] = f"{failure.code} at {getattr(error, 'operation_name', 'a call without an answer')}"
        result.cause = error


def finish(result: Result, *, by_terraform: bool) -> None:
    """Raise Incomplete or Unfinished for what failed. Terraform need not wait for the schedule to write the rest."""
    named = [f"{name}: {why}" for name, why in sorted(result.errors.items())]
    if result.failed:
        codes = ", ".join(sorted(set(result.failed.values())))
        named.append(f"{len(result.failed)} alarms refused ({codes}): {', '.join(sorted(result.failed)[:5])}")
    if named:
        raise Incomplete("; ".join(named)[:2000]) from result.cause
    if result.late and not by_terraform:
        raise Unfinished(result.late)
