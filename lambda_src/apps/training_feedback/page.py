"""The learners' page: static files, and the settings with which it signs in and speaks to the bot.

The policy lets the browser load these files and call the four services' endpoints of this Region only.
"""

import functools
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from common import http, settings

_STATIC = Path(__file__).parent / "static"
SERVICES = ("cognito-idp", "cognito-identity", "runtime-v2-lex", "polly")


@dataclass(frozen=True)
class Settings:
    """The environment; none of it is secret. VOICES: the voice of each locale, {} without speech."""

    region: str
    user_pool_id: str
    client_id: str
    identity_pool_id: str
    bot_id: str
    alias_id: str
    locales: list[str]
    voices: dict[str, str]


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def policy(conf: Settings) -> str:
    """Return the content security policy."""
    endpoints = [f"https://{service}.{conf.region}.amazonaws.com" for service in SERVICES]
    return http.page_policy(*endpoints, media="media-src blob:; ")


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Return one of the files, or the settings."""
    conf = _conf()
    if event["resource"] == "/settings.json":
        return http.answer(200, asdict(conf))
    return http.page(_STATIC, event["resource"], policy(conf))
