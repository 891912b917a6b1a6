"""Which constructions are expensive, by their full names, and what to do instead."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

CLIENT, SESSION, ENGINE, PATTERN, SECRET = "PC001", "PC002", "PC003", "PC004", "PC005"
ADVICE = {
    CLIENT: "a client is created in each call; create it at module level, or on first use behind functools.cache",
    SESSION: "a session is created in each call, with its connections and configuration; create it at module level",
    ENGINE: "an engine or connection is opened in each call; keep it in a module global, and reconnect if it is lost",
    PATTERN: "a pattern, template or validator is compiled in each call; compile it at module level",
    SECRET: "a secret is read in each call; keep it for some minutes, as Powertools' parameters.get_secret does",
}
NO_REASON = "PC900"
UNUSED = "PC901"

AWS_SESSIONS = {"boto3.Session", "boto3.session.Session"}
ASYNC_SESSIONS = {"aioboto3.Session", "aioboto3.session.Session", "aiobotocore.session.get_session"}
_CORE_SESSIONS = {"botocore.session.get_session", "botocore.session.Session"}
_SESSIONS = (
    AWS_SESSIONS
    | _CORE_SESSIONS
    | {"requests.Session", "requests.session", "requests.sessions.Session", "httpx.Client", "urllib3.PoolManager"}
    | {"cachecontrol.CacheControl", "requests_cache.CachedSession"}
)
_CLIENTS = {
    "boto3.client",
    "boto3.resource",
    "redis.Redis",
    "redis.StrictRedis",
    "redis.from_url",
    "redis.Redis.from_url",
    "pymongo.MongoClient",
    "elasticsearch.Elasticsearch",
    "opensearchpy.OpenSearch",
    "slack_sdk.WebClient",
    "twilio.rest.Client",
    "openai.OpenAI",
    "anthropic.Anthropic",
    "anthropic.AnthropicBedrock",
    "google.cloud.storage.Client",
    "google.cloud.bigquery.Client",
    "google.cloud.firestore.Client",
    "azure.storage.blob.BlobServiceClient",
    "stripe.StripeClient",
}
_ENGINES = {
    "sqlalchemy.create_engine",
    "sqlalchemy.engine.create_engine",
    "sqlalchemy.ext.asyncio.create_async_engine",
    "sqlmodel.create_engine",
    "psycopg2.connect",
    "psycopg2.pool.SimpleConnectionPool",
    "psycopg2.pool.ThreadedConnectionPool",
    "psycopg.connect",
    "psycopg_pool.ConnectionPool",
    "pymysql.connect",
    "MySQLdb.connect",
    "mysql.connector.connect",
    "pyodbc.connect",
    "snowflake.connector.connect",
}
_PATTERNS = {
    "re.compile",
    "regex.compile",
    "jinja2.Environment",
    "jinja2.Template",
    "fastjsonschema.compile",
    "jsonschema.Draft4Validator",
    "jsonschema.Draft6Validator",
    "jsonschema.Draft7Validator",
    "jsonschema.Draft201909Validator",
    "jsonschema.Draft202012Validator",
}
BY_NAME: dict[str, str] = {
    **dict.fromkeys(_CLIENTS, CLIENT),
    **dict.fromkeys(_SESSIONS, SESSION),
    **dict.fromkeys(_ENGINES, ENGINE),
    **dict.fromkeys(_PATTERNS, PATTERN),
}
SESSION_METHODS = {"client", "resource", "create_client"}

_SECRET_METHODS = {"get_secret_value": "SecretId", "batch_get_secret_value": "SecretIdList", "get_parameter": "Name"}
_SECRET_METHODS |= {"get_parameters": "Names", "get_parameters_by_path": "Path"}

POWERTOOLS = re.compile(
    r"^(inject_lambda_context|capture_lambda_handler|log_metrics|event_source|event_parser|idempotent|validator"
    r"|lambda_handler_decorator|middleware|with_lambda_profiler)$"
)
ROUTES = {"get", "post", "put", "delete", "patch", "head", "options", "route", "resolver", "not_found"}
ROUTES |= {"exception_handler", "tool", "on_publish", "on_subscribe", "batch_resolver", "lambda_function", "schedule"}
ROUTES |= {"on_sqs_message", "on_sns_message", "on_s3_event", "on_cw_event", "on_kinesis_record", "authorizer"}
ROUTERS = re.compile(r"(Resolver|Router|Chalice|Blueprint|FastAPI|Flask|Quart|Starlette|APIRouter|App|Api)$")
CACHES = re.compile(r"cache|memo|singleton|lazy|once", re.IGNORECASE)
_HANDLER = re.compile(r"^(handler|handle|lambda_handler|.+_handler|lambdaHandler|lambda_function|main)$")
_EVENT = re.compile(r"^_*(event|evt|events|payload|input_event|lambda_event|data)_*$")
_CONTEXT = re.compile(r"^_*(context|ctx|lambda_context|_|)_*$")


@dataclass(frozen=True)
class Secret:
    """A call that reads a secret. Its arguments decide whether it is the same one in each call."""

    sure: bool
    """False for a parameter that need not be a secret: a hint."""


def secret(call: ast.Call) -> Secret | None:
    """Return whether a call of a client reads a secret: boto3's methods take arguments such as `SecretId`.

    The methods of caching libraries of the same names have lower-case or positional arguments.
    """
    if not isinstance(call.func, ast.Attribute):
        return None
    given = {word.arg: word.value for word in call.keywords if word.arg}
    if _SECRET_METHODS.get(call.func.attr) not in given:
        return None
    if "secret" in call.func.attr:
        return Secret(sure=True)
    decrypted = given.get("WithDecryption")
    return Secret(sure=isinstance(decrypted, ast.Constant) and decrypted.value is True)


def is_handler(name: str, parameters: list[str], decorated: bool = False) -> bool:
    """Return whether a function of this name and parameters (without `self`) is a Lambda handler.

    A decorator can take the context for itself: then a function of the usual name has the event alone.
    """
    if not parameters or not (_EVENT.match(parameters[0]) or _CONTEXT.match(parameters[-1])):
        return False
    if len(parameters) == 1:
        return decorated and name in ("handler", "lambda_handler") and bool(_EVENT.match(parameters[0]))
    named = bool(_EVENT.match(parameters[0])) and bool(_CONTEXT.match(parameters[1]))
    return named or (bool(_HANDLER.match(name)) and len(parameters) == 2)
