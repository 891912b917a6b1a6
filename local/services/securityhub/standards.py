"""Security standards and a selection of their controls. Source: user guide, standards reference."""

from __future__ import annotations

from typing import Any, NamedTuple

CIS, FSBP, NIST = (
    "cis-aws-foundations-benchmark/v/",
    "aws-foundational-security-best-practices/v/1.0.0",
    "nist-800-53/v/5.0.0",
)
PCI, TAGGING = "pci-dss/v/", "aws-resource-tagging-standard/v/1.0.0"
NIST171 = "nist-800-171/v/2.0.0"


class Standard(NamedTuple):
    """A security standard of AWS."""

    name: str
    description: str
    enabled_by_default: bool = False
    resource: str = "standards"


# Last part of the ARN -> standard
STANDARDS = {
    FSBP: Standard(
        "AWS Foundational Security Best Practices v1.0.0",
        "A set of automated security checks that detect when AWS accounts and deployed resources do not "
        "align with security best practices, as defined by AWS security experts.",
        True,
    ),
    f"{CIS}1.2.0": Standard(
        "CIS AWS Foundations Benchmark v1.2.0",
        "Security configuration best practices for AWS.",
        True,
        "ruleset",
    ),
    f"{CIS}1.4.0": Standard("CIS AWS Foundations Benchmark v1.4.0", "Security configuration best practices for AWS."),
    f"{CIS}3.0.0": Standard("CIS AWS Foundations Benchmark v3.0.0", "Security configuration best practices for AWS."),
    f"{CIS}5.0.0": Standard("CIS AWS Foundations Benchmark v5.0.0", "Security configuration best practices for AWS."),
    NIST171: Standard(
        "NIST Special Publication 800-171 Revision 2",
        "Requirements of the National Institute of Standards and Technology for controlled unclassified information.",
    ),
    NIST: Standard(
        "NIST Special Publication 800-53 Revision 5",
        "A cybersecurity and compliance framework of the National Institute of Standards and Technology.",
    ),
    f"{PCI}3.2.1": Standard("PCI DSS v3.2.1", "The Payment Card Industry Data Security Standard."),
    f"{PCI}4.0.1": Standard("PCI DSS v4.0.1", "The Payment Card Industry Data Security Standard."),
    TAGGING: Standard("AWS Resource Tagging Standard v1.0.0", "Checks that AWS resources have the required tags."),
}


class Control(NamedTuple):
    """A security control."""

    title: str
    severity: str
    standards: dict[str, str]
    """Standard -> the control's id in it, empty if that is the security control id."""
    parameters: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - never changed
    """Name -> ConfigurationOptions of the API, of controls with parameters."""


def _in(names: str, **numbered: str) -> dict[str, str]:
    """Return standards by letter (f, n, m, p, t); keywords give CIS and PCI 3.2.1 ids."""
    letters = {"f": FSBP, "n": NIST, "m": NIST171, "p": f"{PCI}4.0.1", "t": TAGGING}
    versions = {
        "cis12": f"{CIS}1.2.0",
        "cis14": f"{CIS}1.4.0",
        "cis3": f"{CIS}3.0.0",
        "cis5": f"{CIS}5.0.0",
        "pci321": f"{PCI}3.2.1",
    }
    return {letters[n]: "" for n in names} | {versions[v]: number for v, number in numbered.items()}


_BUCKETS = "S3 general purpose buckets should"
CONTROLS = {
    "ACM.1": Control(
        "Imported and ACM-issued certificates should be renewed after a specified time period",
        "MEDIUM",
        _in("fnp"),
        {"daysToExpiration": {"Integer": {"DefaultValue": 30, "Min": 14, "Max": 365}}},
    ),
    "CloudTrail.1": Control(
        "CloudTrail should be enabled and configured with at least one multi-Region trail that includes read "
        "and write management events",
        "HIGH",
        _in("fn", cis12="2.1", cis14="3.1", cis3="3.1"),
    ),
    "Config.1": Control(
        "AWS Config should be enabled and use the service-linked role for resource recording",
        "CRITICAL",
        _in("fn", cis12="2.5", cis14="3.5", cis3="3.3", pci321="PCI.Config.1"),
    ),
    "DynamoDB.5": Control("DynamoDB tables should be tagged", "LOW", _in("t")),
    "EC2.2": Control(
        "VPC default security groups should not allow inbound or outbound traffic",
        "HIGH",
        _in("fn", cis12="4.3", cis14="5.3", cis3="5.4", pci321="PCI.EC2.2"),
    ),
    "EC2.13": Control(
        "Security groups should not allow ingress from 0.0.0.0/0 or ::/0 to port 22",
        "HIGH",
        _in("np", cis12="4.1", pci321="PCI.EC2.5"),
    ),
    "EC2.19": Control(
        "Security groups should not allow unrestricted access to ports with high risk", "CRITICAL", _in("fn")
    ),
    "GuardDuty.1": Control("GuardDuty should be enabled", "HIGH", _in("fnp", pci321="PCI.GuardDuty.1")),
    "IAM.1": Control(
        'IAM policies should not allow full "*" administrative privileges',
        "HIGH",
        _in("fn", cis12="1.22", cis14="1.16", pci321="PCI.IAM.3"),
    ),
    "IAM.3": Control(
        "IAM users' access keys should be rotated every 90 days or less",
        "MEDIUM",
        _in("fnp", cis12="1.4", cis14="1.14", cis3="1.14"),
    ),
    "IAM.4": Control(
        "IAM root user access key should not exist",
        "CRITICAL",
        _in("fn", cis12="1.12", cis14="1.4", cis3="1.4", pci321="PCI.IAM.1"),
    ),
    "IAM.6": Control(
        "Hardware MFA should be enabled for the root user",
        "CRITICAL",
        _in("fnp", cis12="1.14", cis14="1.6", cis3="1.6", cis5="1.5", pci321="PCI.IAM.4"),
    ),
    "IAM.8": Control(
        "Unused IAM user credentials should be removed", "MEDIUM", _in("fnp", cis12="1.3", pci321="PCI.IAM.7")
    ),
    "IAM.16": Control(
        "Ensure IAM password policy prevents password reuse",
        "LOW",
        _in("p", cis12="1.10", cis14="1.9", cis3="1.9"),
    ),
    "KMS.4": Control(
        "AWS KMS key rotation should be enabled",
        "MEDIUM",
        _in("np", cis12="2.8", cis14="3.8", cis3="3.6", pci321="PCI.KMS.1"),
    ),
    "Lambda.1": Control(
        "Lambda function policies should prohibit public access",
        "CRITICAL",
        _in("fnp", pci321="PCI.Lambda.1"),
    ),
    "Lambda.6": Control("Lambda functions should be tagged", "LOW", _in("t")),
    "RDS.1": Control("RDS snapshot should be private", "CRITICAL", _in("fn", pci321="PCI.RDS.1")),
    "S3.1": Control(
        f"{_BUCKETS} have block public access settings enabled",
        "MEDIUM",
        _in("fnp", cis14="2.1.5", cis3="2.1.4", pci321="PCI.S3.6"),
    ),
    "S3.2": Control(f"{_BUCKETS} block public read access", "CRITICAL", _in("fn", pci321="PCI.S3.2")),
    "S3.3": Control(f"{_BUCKETS} block public write access", "CRITICAL", _in("fn", pci321="PCI.S3.1")),
    "S3.5": Control(
        f"{_BUCKETS} require requests to use SSL",
        "MEDIUM",
        _in("fnmp", cis14="2.1.2", cis3="2.1.1", cis5="2.1.1", pci321="PCI.S3.5"),
    ),
    "S3.8": Control(f"{_BUCKETS} block public access", "HIGH", _in("fnp", cis14="2.1.5", cis3="2.1.4")),
    "S3.14": Control(f"{_BUCKETS} have versioning enabled", "LOW", _in("n")),
    "S3.17": Control(f"{_BUCKETS} be encrypted at rest with AWS KMS keys", "MEDIUM", _in("np")),
}
