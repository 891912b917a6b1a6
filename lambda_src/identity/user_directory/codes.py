"""Create one-time codes, seal them so that they can be checked but not read, and compare them in constant time.

A sealed code is the text `v1.<expires>.<salt>.<hash>`: Unix seconds, and base64url of 16 and 32 bytes. Nothing else
is kept of a code. The salt also serves as the id of the challenge.
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
    """A sealed code: all that is kept of a code."""

    expires: int
    salt: bytes
    digest: bytes

    @property
    def id(self) -> str:
        """Return the id of the challenge, which reveals nothing about the code."""
        return _text(self.salt)

    def __str__(self) -> str:
        return f"v1.{self.expires}.{_text(self.salt)}.{_text(self.digest)}"


def new_code(length: int) -> str:
    """Return `length` decimal digits from the system's random source."""
    return f"{secrets.randbelow(10**length):0{length}d}"


def seal(code: str, expires: int) -> Sealed:
    """Seal `code` with a new salt, valid until `expires` (Unix seconds)."""
    salt = secrets.token_bytes(16)
    return Sealed(expires, salt, _digest(code, salt))


def unseal(text: object) -> Sealed | None:
    """Return the sealed code of which `text` is the `str()`, or None for any other value."""
    parts = text.split(".") if isinstance(text, str) else []
    if len(parts) != 4 or parts[0] != "v1" or not parts[1].isascii() or not parts[1].isdigit():
        return None
    try:
        salt, digest = (base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True) for part in parts[2:])
    except (binascii.Error, ValueError):
        return None
    return Sealed(int(parts[1]), salt, digest) if (len(salt), len(digest)) == (16, 32) else None


def matches(sealed: Sealed, answer: object, now: float) -> bool:
    """Return true if `answer` is the code and is in time. A wrong answer takes as long as the right one."""
    given = "".join(answer.split()) if isinstance(answer, str) and len(answer) <= MAX_ANSWER else ""
    same = hmac.compare_digest(_digest(given, sealed.salt), sealed.digest)
    return same and bool(given) and now < sealed.expires


def _digest(code: str, salt: bytes) -> bytes:
    """Hash at a cost of about 40 ms and 16 MiB a guess: a leaked hash resists longer than its code is valid."""
    return hashlib.scrypt(code.encode("utf-8", "surrogatepass"), salt=salt, n=2**14, r=8, p=1, dklen=32)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
