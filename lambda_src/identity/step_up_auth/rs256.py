"""Verification of RS256 signatures (RSASSA-PKCS1-v1_5 with SHA-256, RFC 8017 section 8.2.2), in pure Python.

Only public values are handled here, so there is nothing that timing could leak, and one exponentiation with a
17-bit exponent takes about 0.1 ms. A cryptography layer would add 4 MB and its import to every cold start.
The expected message is built whole and compared whole: nothing of the signature is parsed, which is what
forgeries of lenient PKCS #1 parsers rely on.
"""

import base64
import binascii
import hashlib
import re

# DER of DigestInfo { SHA-256, 32-byte digest }, RFC 8017 section 9.2 note 1.
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
MINIMUM_BITS, MAXIMUM_BITS = 2048, 8192


def decode(text: str) -> bytes:
    """Bytes of unpadded base64url (RFC 7515). Raises ValueError for anything but the one canonical encoding."""
    if not _ALPHABET.fullmatch(text):
        raise ValueError("not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise ValueError("not canonical base64url")
    return data


def public_key(n: str, e: str) -> tuple[int, int]:
    """Modulus and exponent of a JWK's members. Raises ValueError for a key too weak or too large to use."""
    modulus, exponent = int.from_bytes(decode(n), "big"), int.from_bytes(decode(e), "big")
    if not MINIMUM_BITS <= modulus.bit_length() <= MAXIMUM_BITS:
        raise ValueError(f"modulus of {modulus.bit_length()} bits")
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > 32:
        raise ValueError("unusable exponent")
    return modulus, exponent


def verify(message: bytes, signature: bytes, key: tuple[int, int]) -> bool:
    """Whether `signature` is that of `message` under the public key (modulus, exponent)."""
    modulus, exponent = key
    length = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != length or number >= modulus:
        return False
    info = _DIGEST_INFO + hashlib.sha256(message).digest()
    expected = b"\x00\x01" + b"\xff" * (length - len(info) - 3) + b"\x00" + info
    return pow(number, exponent, modulus).to_bytes(length, "big") == expected
