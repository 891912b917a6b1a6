"""The request quotas of AWS KMS that Service Quotas lists, as far as their codes are known here.

https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
"""

from typing import NamedTuple


class Quota(NamedTuple):
    """Requests per second. `resource` is the dimension of its usage metric (AWS/Usage, CallCount)."""

    code: str
    name: str
    resource: str
    default: float


SYMMETRIC = "L-6E3AF000"

# Cryptographic operations with symmetric keys; 10,000 elsewhere.
_SYMMETRIC = {
    **dict.fromkeys(("us-east-1", "us-west-2", "eu-west-1"), 100_000.0),
    **dict.fromkeys(
        ("us-east-2", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "eu-central-1", "eu-west-2"), 20_000.0
    ),
}

_OTHERS = (
    Quota("L-2AC98190", "Cryptographic operations (RSA) request rate", "CryptographicOperationsRsa", 1000),
    Quota("L-DC14942D", "Cryptographic operations (ECC) request rate", "CryptographicOperationsEcc", 1000),
    Quota("L-32B67F4A", "CreateKey request rate", "CreateKey", 5),
    Quota("L-0428A42E", "CreateGrant request rate", "CreateGrant", 50),
    Quota("L-FAE8F084", "DescribeKey request rate", "DescribeKey", 2000),
    Quota("L-BE799B67", "EnableKeyRotation request rate", "EnableKeyRotation", 15),
    Quota("L-D2EEB5E0", "GenerateDataKeyPair (ECC_NIST_P256) request rate", "GenerateDataKeyPair-ECC_NIST_P256", 100),
    Quota("L-16B46EF0", "GenerateDataKeyPair (ECC_NIST_P384) request rate", "GenerateDataKeyPair-ECC_NIST_P384", 100),
    Quota("L-1D966DA0", "GenerateDataKeyPair (ECC_NIST_P521) request rate", "GenerateDataKeyPair-ECC_NIST_P521", 100),
)


def kms_quotas(region: str) -> dict[str, Quota]:
    """Return quotas by code, with the Region's defaults."""
    symmetric = Quota(
        SYMMETRIC,
        "Cryptographic operations (symmetric) request rate",
        "CryptographicOperationsSymmetric",
        _SYMMETRIC.get(region, 10_000.0),
    )
    return {quota.code: quota for quota in (symmetric, *_OTHERS)}
