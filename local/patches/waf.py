"""AWS WAF as strict as the service where MiniStack is not: locks, limits, capacity, references, scope.

MiniStack keeps what it is given, checks no lock token of rule groups and IP sets, and answers 1 to CheckCapacity.
https://docs.aws.amazon.com/waf/latest/developerguide/limits.html and the API reference's error lists.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import error_response_json, get_region, json_response
from ministack.services import waf

from local.patches.registry import Original, patch
from local.permissions import request_body

MAX_ADDRESSES = 10_000
MAX_CODES = 50
MAX_GROUP_CAPACITY = 5_000
TYPES = {"WebACL": "webacl", "IPSet": "ipset", "RuleGroup": "rulegroup", "RegexPatternSet": "regexpatternset"}
TOKEN_MESSAGE = (
    "AWS WAF couldn't save your changes because someone changed the resource after you started to edit it. "
    "Reapply your changes."
)
IN_USE_MESSAGE = "AWS WAF couldn't delete the resource because it is in use by another resource."


class WafError(Exception):
    """An answer with a WAF error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def invalid(reason: str, field: str, parameter: Any) -> WafError:
    """WAFInvalidParameterException as the service words it."""
    text = f"Error reason: {reason}, field: {field}, parameter: {parameter}"
    return WafError("WAFInvalidParameterException", text)


def resource_arn(operation: str, body: bytes, region: str, account: str) -> str:
    """As the Service Authorization Reference lists them for AWS WAF V2."""
    data = json.loads(body or b"{}")
    data = data.get("LoggingConfiguration") or data
    for field in ("ResourceARN", "WebACLArn", "ResourceArn"):
        if data.get(field):
            return str(data[field])
    kind = next((TYPES[name] for name in TYPES if operation.endswith(name)), "")
    if not kind or not data.get("Name") or operation.startswith("List"):
        return "*"
    segment = "global" if data.get("Scope") == "CLOUDFRONT" else "regional"
    where = "us-east-1" if segment == "global" else region
    return f"arn:aws:wafv2:{where}:{account}:{segment}/{kind}/{data['Name']}/{data.get('Id', '*')}"


def referenced(operation: str, body: bytes) -> list[str]:
    """Return the ARNs that the rules of a request refer to: IAM is asked about each of them too.

    Service Authorization Reference, resource types of CreateRuleGroup, UpdateRuleGroup, CreateWebACL and UpdateWebACL.
    """
    if operation not in ("CreateRuleGroup", "UpdateRuleGroup", "CreateWebACL", "UpdateWebACL"):
        return []
    found: dict[str, None] = {}
    for rule in json.loads(body or b"{}").get("Rules", []):
        _collect(rule.get("Statement"), found)
    return list(found)


def _collect(value: Any, found: dict[str, None]) -> None:
    if isinstance(value, list):
        for one in value:
            _collect(one, found)
    elif isinstance(value, dict):
        for kind, body in value.items():
            if kind.endswith("ReferenceStatement") and isinstance(body, dict) and body.get("ARN"):
                found[body["ARN"]] = None
            _collect(body, found)


def addresses(version: str, given: list[str]) -> list[str]:
    """Addresses as WAF keeps them: IPv6 written out in full. Raises WafError."""
    if len(given) > MAX_ADDRESSES:
        message = "AWS WAF couldn't perform the operation because you exceeded your resource limit."
        raise WafError("WAFLimitsExceededException", message)
    kept = []
    for one in given:
        try:
            network = ipaddress.ip_network(one, strict=False)
        except ValueError:
            raise invalid("The parameter contains formatting that is not valid.", "IP_ADDRESS", one) from None
        if "/" not in one or f"IPV{network.version}" != version or not network.prefixlen:
            raise invalid("The parameter contains formatting that is not valid.", "IP_ADDRESS", one)
        kept.append(network.exploded)
    return kept


def _statements(statement: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind and body of a statement and of all within it. Raises WafError unless each is of exactly one kind."""
    if not isinstance(statement, dict) or len(statement) != 1:
        reason = "You have used none or multiple values for a field that requires exactly one value."
        raise invalid(reason, "STATEMENT", json.dumps(statement)[:100])
    ((kind, body),) = statement.items()
    yield kind, body
    nested = body.get("Statements", []) + [body[key] for key in ("Statement", "ScopeDownStatement") if key in body]
    for each in nested:
        yield from _statements(each)


def _check_statement(kind: str, body: dict[str, Any], codes: frozenset[str]) -> int:
    """Capacity units of one statement without those within it."""
    if kind in ("AndStatement", "OrStatement") and len(body.get("Statements", [])) < 2:
        reason = (
            "You haven't met a minimum requirement for a threshold setting. Examples include a rule group capacity "
            "setting that's too low and an OR statement with fewer than two statements."
        )
        raise invalid(reason, kind.removesuffix("Statement").upper() + "_STATEMENT", len(body.get("Statements", [])))
    if kind == "GeoMatchStatement":
        given = body.get("CountryCodes", [])
        if not 1 <= len(given) <= MAX_CODES:
            raise invalid("You exceeded the number of values for a field.", "COUNTRY_CODE", len(given))
        unknown = [code for code in given if code not in codes]
        if unknown:
            raise invalid("The parameter contains formatting that is not valid.", "COUNTRY_CODE", unknown[0])
        return 1
    if kind == "IPSetReferenceStatement":
        if waf._resolve_local_waf_resource_arn(body.get("ARN", ""), ("ipset",))[1]:
            message = "The resource does not exist."
            raise WafError("WAFNonexistentItemException", message)
        return 5 if body.get("IPSetForwardedIPConfig", {}).get("Position") == "ANY" else 1
    if kind == "RuleGroupReferenceStatement":
        if waf._resolve_local_waf_resource_arn(body.get("ARN", ""), ("rulegroup",))[1]:
            message = "The resource does not exist."
            raise WafError("WAFNonexistentItemException", message)
        _, key, _ = waf._parse_local_waf_arn(body["ARN"], ("rulegroup",))
        return int(waf._rule_groups.get_scoped(*key)["Capacity"])
    if kind == "RegexMatchStatement":
        # https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-regex-match.html
        if not body.get("RegexString") or len(body.get("FieldToMatch", {})) != 1 or not body.get("TextTransformations"):
            raise invalid("You have omitted a required parameter.", "REGEX_MATCH_STATEMENT", json.dumps(body)[:100])
        return 3 + 10 * sum(str(one["Type"]) != "NONE" for one in body["TextTransformations"])
    return 0 if kind in ("AndStatement", "OrStatement", "NotStatement") else 1


def capacity(rules: list[dict[str, Any]]) -> int:
    """Web ACL capacity units of rules; geo, IP set and regex statements exactly, others one each. Raises WafError."""
    from botocore.session import get_session

    shape: Any = get_session().get_service_model("wafv2").shape_for("CountryCode")
    codes = frozenset(shape.enum)
    for field in ("Name", "Priority"):
        values = [rule.get(field) for rule in rules]
        if len(set(values)) < len(values):
            raise invalid("You have used the same value more than once.", field.upper(), values)
    for rule in rules:
        if len(rule.get("Action") or rule.get("OverrideAction") or {}) != 1:
            reason = "You have used none or multiple values for a field that requires exactly one value."
            raise invalid(reason, "RULE_ACTION", rule.get("Name"))
    found = [pair for rule in rules for pair in _statements(rule["Statement"])]
    return sum(_check_statement(kind, body, codes) for kind, body in found)


def _references(store: Any, arn: str) -> bool:
    return any(f'"{arn}"' in json.dumps(one.get("Rules", [])) for _, one in store.all_items())


def check(action: str, data: dict[str, Any]) -> None:
    """What the service refuses before it does anything. Raises WafError. Normalises addresses in `data`."""
    if data.get("Scope") == "CLOUDFRONT" and get_region() != waf.CLOUDFRONT_HOME_REGION:
        raise invalid("The scope is not valid.", "SCOPE_VALUE", "CLOUDFRONT")
    kind = next((TYPES[name] for name in TYPES if action.endswith(name)), "")
    stored = (
        waf._resource_from_scope(waf._resource_store(kind), data["Id"], data["Scope"])
        if kind and "Id" in data
        else None
    )
    if stored and action.startswith(("Update", "Delete")) and data.get("LockToken") != stored["LockToken"]:
        raise WafError("WAFOptimisticLockException", TOKEN_MESSAGE)
    if action in ("CreateIPSet", "UpdateIPSet"):
        version = data.get("IPAddressVersion") or (stored or {}).get("IPAddressVersion", "")
        data["Addresses"] = addresses(version, data.get("Addresses", []))
    if action in ("CreateRuleGroup", "UpdateRuleGroup"):
        limit = int((stored or data).get("Capacity", 0))
        used = capacity(data.get("Rules", []))
        if used > limit or limit > MAX_GROUP_CAPACITY:
            raise invalid("You exceeded the capacity limit for a rule group or web ACL.", "RULE_GROUP", used)
    if action in ("CreateWebACL", "UpdateWebACL"):
        capacity(data.get("Rules", []))
    if stored and action.startswith("Delete"):
        used_by = kind == "webacl" and stored["ARN"] in waf._associations.values()
        used_by = used_by or any(_references(store, stored["ARN"]) for store in (waf._rule_groups, waf._web_acls))
        if used_by:
            raise WafError("WAFAssociatedItemException", IN_USE_MESSAGE)


def _replace(action: str, data: dict[str, Any]) -> None:
    """An update replaces all that can change: what it leaves out is gone."""
    kind = next((TYPES[name] for name in TYPES if action.endswith(name)), "")
    stored = waf._resource_from_scope(waf._resource_store(kind), data["Id"], data["Scope"])
    if stored:
        for field in ("Description", "CustomResponseBodies"):
            if data.get(field):
                stored[field] = data[field]
            else:
                stored.pop(field, None)
        if kind in ("rulegroup", "webacl"):
            stored["Rules"] = data.get("Rules", [])


@patch(
    "ministack.core.iam_actions",
    "extract_resource_arn",
    because="MiniStack does not know the resources of AWS WAF's operations.",
)
def extract_resource_arn(
    original: Original,
    service: str,
    method: str,
    path: str,
    headers: Any,
    body: bytes,
    query_params: Any,
    region: str,
    account_id: str,
) -> str:
    """Return the ARN that IAM is asked about."""
    if service == "wafv2":
        return resource_arn(headers.get("x-amz-target", "").rpartition(".")[2], body, region, account_id)
    return str(original(service, method, path, headers, body, query_params, region, account_id))


@patch(
    "ministack.core.iam_evaluator",
    "enforce",
    because="AWS WAF asks for the sets that rules refer to, too; MiniStack for one resource.",
)
def enforce(
    original: Original,
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Return None, or the denial of the action on the resource or on one that its rules refer to."""
    denied = original(access_key_id, iam_action, service, region, resource_arn, service_context)
    namespace, _, operation = iam_action.partition(":")
    for arn in referenced(operation, request_body.get()) if namespace == "wafv2" and denied is None else ():
        denied = denied or original(access_key_id, iam_action, service, region, arn, service_context)
    return denied


@patch(
    "ministack.app",
    "SERVICE_HANDLERS[wafv2]",
    because="MiniStack keeps what it is given, checks few lock tokens, and answers 1 to CheckCapacity.",
)
async def handle(
    original: Original, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> Any:
    """Answer what passes the checks."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        data = json.loads(body or b"{}")
        check(action, data)
        if action == "CheckCapacity":
            return json_response({"Capacity": capacity(data.get("Rules", []))})
    except WafError as error:
        return error_response_json(error.code, error.message, 400)
    answer = await original(method, path, headers, json.dumps(data).encode(), query_params)
    if answer[0] == 200 and action.startswith("Update"):
        _replace(action, data)
    return answer
