"""One-time codes: made, sealed so that they can be checked but not read, and compared in constant time.

A sealed code is the text `v1.<expires>.<salt>.<hash>`: Unix seconds, and base64url of 16 and 32 bytes. It is
all that is kept of a code, and the salt doubles as the id of the challenge.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass

MAX_ANSWER = 32


@dataclass(frozen=True)
class Sealed:
    """What is kept of a code."""

    expires: int
    salt: bytes
    digest: bytes

    @property
    def id(self) -> str:
        """Names the challenge; reveals nothing about the code."""
        return _text(self.salt)

    def __str__(self) -> str:
        return f"v1.{self.expires}.{_text(self.salt)}.{_text(self.digest)}"


def new_code(length: int) -> str:
    """`length` decimal digits from the system's random source."""
    return f"{secrets.randbelow(10**length):0{length}d}"


def seal(code: str, expires: int) -> Sealed:
    """Seals `code` under a new salt until `expires` (Unix seconds)."""
    salt = secrets.token_bytes(16)
    return Sealed(expires, salt, _digest(code, salt))


def unseal(text: object) -> Sealed | None:
    """The sealed code that `str()` of one gave; None for anything else."""
    parts = text.split(".") if isinstance(text, str) else []
    if len(parts) != 4 or parts[0] != "v1" or not parts[1].isascii() or not parts[1].isdigit():
        return None
    try:
        salt, digest = (base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True) for part in parts[2:])
    except (binascii.Error, ValueError):
        return None
    return Sealed(int(parts[1]), salt, digest) if (len(salt), len(digest)) == (16, 32) else None


def matches(sealed: Sealed, answer: object, now: float) -> bool:
    """Whether `answer` is the code and in time. Takes as long for a wrong answer as for the right one."""
    given = "".join(answer.split()) if isinstance(answer, str) and len(answer) <= MAX_ANSWER else ""
    same = hmac.compare_digest(_digest(given, sealed.salt), sealed.digest)
    return same and bool(given) and now < sealed.expires


def _digest(code: str, salt: bytes) -> bytes:
    """About 40 ms and 16 MiB a guess: a leaked hash outlives its code's few minutes."""
    return hashlib.scrypt(code.encode("utf-8", "surrogatepass"), salt=salt, n=2**14, r=8, p=1, dklen=32)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
