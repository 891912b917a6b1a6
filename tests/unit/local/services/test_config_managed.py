"""Managed rules on emulated secrets, aggregators over accounts and Regions, and rules of an organization."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import ACCOUNT_ID, REGION
from scenarios.protection.secret_replication import ROTATION
from tests.unit.local.gateway.test_gateway import allow, trust
from tests.unit.local.services.test_config import code, record, results

ELSEWHERE = "eu-central-1"


@pytest.fixture(scope="module")
def config(cloud: Cloud) -> Any:
    cloud.command("config/set_reevaluation_interval", {"seconds": 0})
    return record(cloud)


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Any:
    return cloud.client("secretsmanager", attempts=1)


@pytest.fixture(scope="module")
def rotation(cloud: Cloud) -> str:
    """Return the ARN of a function that rotates secrets."""
    iam, api = cloud.client("iam"), cloud.client("lambda")
    role = iam.create_role(RoleName="rotation", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]["Arn"]
    iam.put_role_policy(RoleName="rotation", PolicyName="own", PolicyDocument=allow(("secretsmanager:*", "*")))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", ROTATION)
    arn = api.create_function(
        FunctionName="rotation",
        Runtime="python3.13",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": packed.getvalue()},
    )["FunctionArn"]
    api.add_permission(
        FunctionName="rotation",
        StatementId="secrets",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    return str(arn)


def put(config: Any, identifier: str, given: dict[str, str] | None = None, **scope: str) -> str:
    name = identifier.lower().replace("_", "-")
    rule: dict[str, Any] = {"ConfigRuleName": name, "Source": {"Owner": "AWS", "SourceIdentifier": identifier}}
    rule |= {"InputParameters": json.dumps(given)} if given else {}
    config.put_config_rule(ConfigRule=rule | ({"Scope": scope} if scope else {}))
    return name


def secret(api: Any, name: str, **more: Any) -> str:
    return str(api.create_secret(Name=name, SecretString="hidden", **more)["ARN"])


def age(cloud: Cloud, arn: str, days: float) -> None:
    cloud.command("secretsmanager/age", {"secret_id": arn, "days": days})


def finds(config: Any, rule: str, arn: str, expected: str | None) -> None:
    wait_until(f"{expected} by {rule}", lambda: results(config, rule).get(arn) == expected, 30)


def test_rotation_must_be_on_and_often_enough(cloud: Cloud, config: Any, api: Any, rotation: str) -> None:
    tags = [{"Key": "ENVIRONMENT", "Value": "PRODUCTION"}]
    rule = put(
        config,
        "SECRETSMANAGER_ROTATION_ENABLED_CHECK",
        {"maximumAllowedRotationFrequency": "30"},
        TagKey="ENVIRONMENT",
        TagValue="PRODUCTION",
    )
    arn, untagged = secret(api, "rotated", Tags=tags), secret(api, "untagged")
    finds(config, rule, arn, "NON_COMPLIANT")

    def rotate(**rules: Any) -> None:
        api.rotate_secret(SecretId=arn, RotationLambdaARN=rotation, RotationRules=rules, RotateImmediately=False)

    rotate(AutomaticallyAfterDays=30)
    finds(config, rule, arn, "COMPLIANT")
    rotate(AutomaticallyAfterDays=60)
    finds(config, rule, arn, "NON_COMPLIANT")
    rotate(ScheduleExpression="rate(10 days)")
    finds(config, rule, arn, "COMPLIANT")
    api.cancel_rotate_secret(SecretId=arn)
    finds(config, rule, arn, "NON_COMPLIANT")
    assert untagged not in results(config, rule)
    api.untag_resource(SecretId=arn, TagKeys=["ENVIRONMENT"])
    finds(config, rule, arn, None)
    api.tag_resource(SecretId=arn, Tags=tags)
    finds(config, rule, arn, "NON_COMPLIANT")
    api.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    finds(config, rule, arn, None)


def test_hours_are_a_limit_too(config: Any, api: Any, rotation: str) -> None:
    arn = secret(api, "hours")
    rule = put(config, "SECRETSMANAGER_ROTATION_ENABLED_CHECK", {"maximumAllowedRotationFrequencyInHours": "12"})
    for expression, expected in (("rate(12 hours)", "COMPLIANT"), ("rate(13 hours)", "NON_COMPLIANT")):
        rules = {"ScheduleExpression": expression}
        api.rotate_secret(SecretId=arn, RotationLambdaARN=rotation, RotationRules=rules, RotateImmediately=False)
        finds(config, rule, arn, expected)


def test_a_rotation_that_does_not_come_is_found(cloud: Cloud, config: Any, api: Any, rotation: str) -> None:
    rule = put(config, "SECRETSMANAGER_SCHEDULED_ROTATION_SUCCESS_CHECK")
    plain, arn = secret(api, "never"), secret(api, "scheduled")
    rules = {"AutomaticallyAfterDays": 10}
    api.rotate_secret(SecretId=arn, RotationLambdaARN=rotation, RotationRules=rules, RotateImmediately=False)
    finds(config, rule, arn, "COMPLIANT")
    age(cloud, arn, 11)
    finds(config, rule, arn, "NON_COMPLIANT")
    api.rotate_secret(SecretId=arn)
    finds(config, rule, arn, "COMPLIANT")
    assert "LastRotatedDate" in api.describe_secret(SecretId=arn)
    assert plain not in results(config, rule)


def test_periodic_rules_look_at_age_and_use(cloud: Cloud, config: Any, api: Any) -> None:
    arn = secret(api, "old")
    rotated = put(config, "SECRETSMANAGER_SECRET_PERIODIC_ROTATION", {"maxDaysSinceRotation": "20"})
    used = put(config, "SECRETSMANAGER_SECRET_UNUSED")
    for rule in (rotated, used):
        finds(config, rule, arn, "COMPLIANT")
    age(cloud, arn, 30)
    cloud.command("config/pass_time", {"seconds": 86_400})
    finds(config, rotated, arn, "NON_COMPLIANT")
    finds(config, used, arn, "COMPLIANT")
    age(cloud, arn, 70)
    config.start_config_rules_evaluation(ConfigRuleNames=[used])
    finds(config, used, arn, "NON_COMPLIANT")
    api.get_secret_value(SecretId=arn)
    config.start_config_rules_evaluation(ConfigRuleNames=[used])
    finds(config, used, arn, "COMPLIANT")


def test_the_key_must_be_the_customers(cloud: Cloud, config: Any, api: Any) -> None:
    keys = [cloud.client("kms").create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    plain = secret(api, "default-key")
    own, other = (secret(api, f"key-{n}", KmsKeyId=key) for n, key in enumerate(keys))
    rule = put(config, "SECRETSMANAGER_USING_CMK")
    finds(config, rule, plain, "NON_COMPLIANT")
    finds(config, rule, other, "COMPLIANT")
    put(config, "SECRETSMANAGER_USING_CMK", {"kmsKeyArns": keys[0]})
    finds(config, rule, other, "NON_COMPLIANT")
    finds(config, rule, own, "COMPLIANT")


def test_a_rule_that_is_not_evaluated_here_says_so(config: Any) -> None:
    source = {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_VERSIONING_ENABLED"}
    config.put_config_rule(ConfigRule={"ConfigRuleName": "versioning", "Source": source})

    def status() -> dict[str, Any]:
        found = config.describe_config_rule_evaluation_status(ConfigRuleNames=["versioning"])
        return dict(found["ConfigRulesEvaluationStatus"][0])

    told = wait_until("the evaluation", lambda: status().get("LastErrorMessage"), 30)
    assert "S3_BUCKET_VERSIONING_ENABLED" in str(told)
    found = config.describe_compliance_by_config_rule(ConfigRuleNames=["versioning"])["ComplianceByConfigRules"]
    assert found[0]["Compliance"] == {"ComplianceType": "INSUFFICIENT_DATA"}


# Several accounts and Regions


@pytest.fixture(scope="module")
def member(cloud: Cloud) -> str:
    """Return a member account of the default account's organization, with recorders in two Regions."""
    made = cloud.client("organizations").create_account(Email="m@example.com", AccountName="m")["CreateAccountStatus"]
    account = str(made["AccountId"])
    for region in (REGION, ELSEWHERE):
        config = record(cloud, account, region)
        put(config, "SECRETSMANAGER_ROTATION_ENABLED_CHECK")
        secret(cloud.client("secretsmanager", account, region), "plain")
    return account


def aggregated(config: Any, name: str) -> dict[tuple[str, str, str], str]:
    pages = config.get_paginator("describe_aggregate_compliance_by_config_rules").paginate(
        ConfigurationAggregatorName=name, PaginationConfig={"PageSize": 1}
    )
    return {
        (one["AccountId"], one["AwsRegion"], one["ConfigRuleName"]): one["Compliance"]["ComplianceType"]
        for page in pages
        for one in page["AggregateComplianceByConfigRules"]
    }


RULE = "secretsmanager-rotation-enabled-check"


def test_accounts_must_authorize_an_aggregator(cloud: Cloud, config: Any, member: str) -> None:
    source = {"AccountIds": [ACCOUNT_ID, member], "AwsRegions": [REGION, ELSEWHERE]}
    config.put_configuration_aggregator(ConfigurationAggregatorName="accounts", AccountAggregationSources=[source])
    assert {key[0] for key in aggregated(config, "accounts")} == {ACCOUNT_ID}
    statuses = config.describe_configuration_aggregator_sources_status(ConfigurationAggregatorName="accounts")
    failed = [one for one in statuses["AggregatedSourceStatusList"] if one["LastUpdateStatus"] == "FAILED"]
    assert {(one["SourceId"], one["AwsRegion"]) for one in failed} == {(member, REGION), (member, ELSEWHERE)}
    theirs = cloud.client("config", member, ELSEWHERE)
    theirs.put_aggregation_authorization(AuthorizedAccountId=ACCOUNT_ID, AuthorizedAwsRegion=REGION)
    key = (member, ELSEWHERE, RULE)
    wait_until("the result", lambda: aggregated(config, "accounts").get(key) == "NON_COMPLIANT", 30)
    assert (member, REGION, RULE) not in aggregated(config, "accounts")
    asked = {
        "ConfigurationAggregatorName": "accounts",
        "ConfigRuleName": RULE,
        "AccountId": member,
        "AwsRegion": ELSEWHERE,
    }
    kind = "AWS::SecretsManager::Secret"
    recorded = config.get_paginator("list_aggregate_discovered_resources").paginate(
        ConfigurationAggregatorName="accounts", ResourceType=kind, PaginationConfig={"PageSize": 1}
    )
    places = [(one["SourceAccountId"], one["SourceRegion"]) for page in recorded for one in page["ResourceIdentifiers"]]
    assert places.count((member, ELSEWHERE)) == 1
    assert (member, REGION) not in places
    only = {"AccountId": member, "Region": ELSEWHERE}
    (listed,) = config.list_aggregate_discovered_resources(
        ConfigurationAggregatorName="accounts", ResourceType=kind, Filters=only
    )["ResourceIdentifiers"]
    assert (listed["ResourceType"], listed["ResourceName"]) == (kind, "plain")
    found = config.get_aggregate_compliance_details_by_config_rule(**asked)["AggregateEvaluationResults"]
    assert [one["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ConfigRuleName"] for one in found] == [RULE]
    assert [(one["AccountId"], one["AwsRegion"]) for one in found] == [(member, ELSEWHERE)]


def organization_role(cloud: Cloud, account: str, *actions: str) -> str:
    iam = cloud.client("iam", account)
    arn = iam.create_role(RoleName="aggregator", AssumeRolePolicyDocument=trust("config.amazonaws.com"))["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="aggregator", PolicyName="own", PolicyDocument=allow(*((action, "*") for action in actions))
    )
    return str(arn)


def test_an_organization_is_aggregated_by_a_role_that_may_list_it(cloud: Cloud, config: Any, member: str) -> None:
    role = organization_role(cloud, "", "organizations:DescribeOrganization")
    source = {"RoleArn": role, "AllAwsRegions": True}
    asked = {"ConfigurationAggregatorName": "organization", "OrganizationAggregationSource": source}
    assert code(config.put_configuration_aggregator, **asked) == "OrganizationAccessDeniedException"
    policy = allow(("organizations:DescribeOrganization", "*"), ("organizations:ListAccounts", "*"))
    cloud.client("iam").put_role_policy(RoleName="aggregator", PolicyName="own", PolicyDocument=policy)
    config.put_configuration_aggregator(**asked)
    expected = {(member, REGION, RULE), (member, ELSEWHERE, RULE)}
    wait_until("all Regions", lambda: expected <= set(aggregated(config, "organization")), 30)
    summary = config.get_aggregate_config_rule_compliance_summary(
        ConfigurationAggregatorName="organization", GroupByKey="AWS_REGION"
    )
    assert {one["GroupName"] for one in summary["AggregateComplianceCounts"]} == {REGION, ELSEWHERE}


def test_a_delegated_administrator_aggregates_and_deploys(cloud: Cloud, config: Any, member: str) -> None:
    role = organization_role(cloud, member, "organizations:DescribeOrganization", "organizations:ListAccounts")
    theirs = cloud.client("config", member, attempts=1)
    source = {"RoleArn": role, "AllAwsRegions": True}
    asked = {"ConfigurationAggregatorName": "delegated", "OrganizationAggregationSource": source}
    assert code(theirs.put_configuration_aggregator, **asked) == "OrganizationAccessDeniedException"
    metadata = {"RuleIdentifier": "SECRETSMANAGER_USING_CMK"}
    rule = {"OrganizationConfigRuleName": "keys", "OrganizationManagedRuleMetadata": metadata}
    assert code(theirs.put_organization_config_rule, **rule) == "OrganizationAccessDeniedException"
    organizations = cloud.client("organizations")
    for service in ("config.amazonaws.com", "config-multiaccountsetup.amazonaws.com"):
        organizations.register_delegated_administrator(AccountId=member, ServicePrincipal=service)
    theirs.put_configuration_aggregator(**asked)
    assert {key[0] for key in aggregated(theirs, "delegated")} == {ACCOUNT_ID, member}
    arn = theirs.put_organization_config_rule(**rule)["OrganizationConfigRuleArn"]
    name = "OrgConfigRule-" + arn.rpartition("/")[2]
    status = theirs.get_organization_config_rule_detailed_status(OrganizationConfigRuleName="keys")
    assert {
        (one["AccountId"], one["MemberAccountRuleStatus"]) for one in status["OrganizationConfigRuleDetailedStatus"]
    } == {
        (ACCOUNT_ID, "CREATE_SUCCESSFUL"),
        (member, "CREATE_SUCCESSFUL"),
    }
    assert [one["ConfigRuleName"] for one in config.describe_config_rules(ConfigRuleNames=[name])["ConfigRules"]] == [
        name
    ]
    theirs.delete_organization_config_rule(OrganizationConfigRuleName="keys")
    assert code(config.describe_config_rules, ConfigRuleNames=[name]) == "NoSuchConfigRuleException"


def test_an_account_without_a_recorder_fails_an_organization_rule(cloud: Cloud, config: Any) -> None:
    made = cloud.client("organizations").create_account(Email="n@example.com", AccountName="n")["CreateAccountStatus"]
    metadata = {"RuleIdentifier": "SECRETSMANAGER_USING_CMK"}
    rule = {"OrganizationConfigRuleName": "partly", "OrganizationManagedRuleMetadata": metadata}
    config.put_organization_config_rule(**rule)

    def status() -> dict[str, Any]:
        found = config.describe_organization_config_rule_statuses(OrganizationConfigRuleNames=["partly"])
        return dict(found["OrganizationConfigRuleStatuses"][0])

    assert status()["OrganizationRuleStatus"] == "CREATE_FAILED"
    assert made["AccountId"] in status()["ErrorMessage"]
    config.put_organization_config_rule(**rule, ExcludedAccounts=[made["AccountId"]])
    assert status()["OrganizationRuleStatus"] == "UPDATE_SUCCESSFUL"
    config.delete_organization_config_rule(OrganizationConfigRuleName="partly")
