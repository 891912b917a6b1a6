"""The web client: a few static files, and their configuration for this deployment."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common import http, settings

_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Settings:
    """The function's environment."""

    authorize_url: str
    token_url: str
    client_id: str
    scopes: str
    cognito_url: str
    operations: list[str]


@functools.cache
def _conf() -> Settings:
    return settings.load(Settings)


def content_security_policy(conf: Settings) -> str:
    """Allow only this API's files, and requests to this API, the issuer's token endpoint and Cognito."""
    origins = {"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in (conf.token_url, conf.cognito_url)}
    return http.page_policy(*sorted(origins))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Return one of the files, or /config.json."""
    conf, path = _conf(), event["resource"]
    if path == "/config.json":
        names = {
            "authorizeUrl": conf.authorize_url,
            "tokenUrl": conf.token_url,
            "clientId": conf.client_id,
            "scopes": conf.scopes,
            "cognitoUrl": conf.cognito_url,
            "operations": conf.operations,
        }
        return http.answer(200, names)
    return http.page(_STATIC, path, content_security_policy(conf))
