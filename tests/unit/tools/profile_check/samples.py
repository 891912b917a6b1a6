"""Handlers as they are found in public code: `CLEAN` has nothing to report, each line of `REPEATING` with `# !` has.

A sample is one file, or several that each begin with `# file: <path>`. The mark names the rule: `# ! PC001`.
"""

# ruff: noqa: E501 - samples are as people write them

CLEAN: dict[str, str] = {
    "the source's example, with the client created once": """
import boto3
client = boto3.client("dynamodb")
def lambda_handler(event, context):
    output = "Hello World"
    print(output)
    return output
""",
    "client at module level": """
import boto3
s3 = boto3.client("s3")
def lambda_handler(event, context):
    return s3.list_buckets()
""",
    "functools.cache": """
import functools, boto3
@functools.cache
def client(name):
    return boto3.client(name)
def handler(event, context):
    return client("s3").list_buckets()
""",
    "module global behind if": """
import boto3
_table = None
def table():
    global _table
    if _table is None:
        _table = boto3.resource("dynamodb").Table("orders")
    return _table
def lambda_handler(event, context):
    return table().get_item(Key={"id": event["id"]})
""",
    "early return from a global": """
import boto3
client = None
def get_client():
    global client
    if client:
        return client
    client = boto3.client("sqs")
    return client
def handler(event, context):
    get_client().send_message(QueueUrl="q", MessageBody="x")
""",
    "dictionary by Region from the event": """
import boto3
_clients = {}
def client_for(region):
    if region not in _clients:
        _clients[region] = boto3.client("ec2", region_name=region)
    return _clients[region]
def handler(event, context):
    return client_for(event["region"]).describe_instances()
""",
    "dictionary through a local name": """
import boto3
CACHE = {}
def make(name):
    found = CACHE.get(name)
    if found is None:
        found = boto3.client(name)
        CACHE[name] = found
    return found
def lambda_handler(event, context):
    return make("s3").list_buckets()
""",
    "role per tenant": """
import boto3
sts = boto3.client("sts")
def handler(event, context):
    creds = sts.assume_role(RoleArn=event["role"], RoleSessionName="x")["Credentials"]
    s3 = boto3.client(
        "s3",
        region_name=event["region"],
        aws_access_key_id=creds["AccessKeyId"],
        aws_secret_access_key=creds["SecretAccessKey"],
        aws_session_token=creds["SessionToken"],
    )
    return s3.list_buckets()
""",
    "role with a constant ARN, whose session expires": """
import os, boto3
sts = boto3.client("sts")
def session():
    creds = sts.assume_role(RoleArn=os.environ["ROLE"], RoleSessionName="x")["Credentials"]
    return boto3.Session(aws_access_key_id=creds["AccessKeyId"], aws_secret_access_key=creds["SecretAccessKey"], aws_session_token=creds["SessionToken"])
def lambda_handler(event, context):
    return session().client("s3").list_buckets()
""",
    "a Region of each loop": """
import boto3
ec2 = boto3.client("ec2")
def lambda_handler(event, context):
    for region in [r["RegionName"] for r in ec2.describe_regions()["Regions"]]:
        boto3.client("ec2", region_name=region).describe_volumes()
""",
    "options computed from the event": """
import boto3
def handler(event, context):
    options = {}
    options["region_name"] = event["region"]
    return boto3.client("s3", **options).list_buckets()
""",
    "endpoint of a web socket": """
import boto3
def lambda_handler(event, context):
    domain = event["requestContext"]["domainName"]
    stage = event["requestContext"]["stage"]
    api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{domain}/{stage}")
    api.post_to_connection(ConnectionId=event["requestContext"]["connectionId"], Data=b"x")
""",
    "class with clients in its constructor, made at module level": """
import boto3
class Orders:
    def __init__(self):
        self.table = boto3.resource("dynamodb").Table("orders")
    def handle(self, event, context):
        return self.table.get_item(Key={"id": event["id"]})
orders = Orders()
def lambda_handler(event, context):
    return orders.handle(event, context)
""",
    "cached_property of a module-level instance": """
import functools, boto3
class Clients:
    @functools.cached_property
    def s3(self):
        return boto3.client("s3")
clients = Clients()
def handler(event, context):
    return clients.s3.list_buckets()
""",
    "Powertools parameters": """
import os
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities import parameters
logger = Logger()
@logger.inject_lambda_context
def lambda_handler(event, context):
    return parameters.get_secret(os.environ["SECRET"], max_age=300)
""",
    "Powertools resolver": """
import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
app = APIGatewayRestResolver()
table = boto3.resource("dynamodb").Table("orders")
@app.get("/orders/<order>")
def order(order):
    return table.get_item(Key={"id": order})
def lambda_handler(event, context):
    return app.resolve(event, context)
""",
    "cold-start test on the main block": """
import boto3
def handler(event, context):
    return event
if __name__ == "__main__":
    boto3.client("s3").list_buckets()
    handler({}, None)
""",
    "default argument": """
import boto3
def handler(event, context, s3=boto3.client("s3")):
    return s3.list_buckets()
""",
    "factory of a handler": """
import boto3
def make():
    s3 = boto3.client("s3")
    def handler(event, context):
        return s3.list_buckets()
    return handler
lambda_handler = make()
""",
    "pattern from the event": """
import re
WORD = re.compile("x")
def handler(event, context):
    return re.compile(event["pattern"]).match("a"), WORD.match(event["text"])
""",
    "secret of a tenant": """
import boto3
secrets = boto3.client("secretsmanager")
def lambda_handler(event, context):
    return secrets.get_secret_value(SecretId=event["tenant"])["SecretString"]
""",
    "secret kept in a global": """
import os, boto3
secrets = boto3.client("secretsmanager")
_password = None
def handler(event, context):
    global _password
    _password = _password or secrets.get_secret_value(SecretId=os.environ["SECRET"])["SecretString"]
    return len(_password)
""",
    "secret that is stored as something made of it": """
import os, boto3
secrets = boto3.client("secretsmanager")
_cache = {}
def key():
    if "key" not in _cache:
        try:
            response = secrets.get_secret_value(SecretId=os.environ["SECRET"])
            pem = response["SecretString"]
            _cache["key"] = pem.encode()
        except Exception:
            raise
    return _cache["key"]
def handler(event, context):
    return key()
""",
    "try and NameError": """
import boto3
def handler(event, context):
    global s3
    try:
        s3
    except NameError:
        s3 = boto3.client("s3")
    return s3.list_buckets()
""",
    "connection that is opened again when it is lost": """
import os, psycopg2
conn = None
def lambda_handler(event, context):
    global conn
    if conn is None or conn.closed:
        conn = psycopg2.connect(host=os.environ["HOST"], dbname="orders")
    with conn.cursor() as cursor:
        cursor.execute("select 1")
""",
    "async with aioboto3": """
import asyncio, aioboto3
session = aioboto3.Session()
async def work(event):
    async with session.client("s3") as s3:
        return await s3.list_buckets()
def lambda_handler(event, context):
    return asyncio.run(work(event))
""",
    "exempt with a reason": """
import boto3
def handler(event, context):
    # profile: ignore the credentials file is replaced between calls
    return boto3.client("s3").list_buckets()
""",
    "class-level singleton": """
import boto3
class Store:
    _client = None
    @classmethod
    def client(cls):
        if cls._client is None:
            cls._client = boto3.client("s3")
        return cls._client
def handler(event, context):
    return Store.client().list_buckets()
""",
    "helpers in a package": """
# file: app/clients.py
from functools import lru_cache
import boto3
@lru_cache(maxsize=None)
def get(name): return boto3.client(name)
# file: app/__init__.py
from .clients import get
# file: app/main.py
from app import get
def lambda_handler(event, context):
    return get("s3").list_buckets()
""",
    "something else called client": """
from mylib import boto3_like as store
def handler(event, context, client=None):
    client = client or store.client("s3")
    return client.read(event), store.compile("x")
""",
}

REPEATING: dict[str, str] = {
    "the source's example": """
import boto3
def lambda_handler(event, context):
    client = boto3.client("dynamodb")  # ! PC001
    output = "Hello World"
    print(output)
    return output
""",
    "alias of the import": """
import boto3 as aws
from boto3 import resource as make
def handler(event, context):
    aws.client("s3")  # ! PC001
    make("dynamodb")  # ! PC001
""",
    "session and client in one": """
import os, boto3
def handler(event, context):
    return boto3.Session(region_name=os.environ["AWS_REGION"]).client("s3").list_buckets()  # ! PC001
""",
    "session first, client later": """
from boto3.session import Session
def handler(event, context):
    session = Session()  # ! PC002
    s3 = session.client("s3")  # ! PC001
    return s3.list_buckets()
""",
    "helper of a helper": """
import boto3
def connect():
    return boto3.client("s3")  # ! PC001
def work(event):
    return connect().get_object(Bucket="b", Key=event["key"])
def lambda_handler(event, context):
    return work(event)
""",
    "helper in another module of the package": """
# file: orders/aws.py
import boto3
def table(name):
    return boto3.resource("dynamodb").Table(name)  # ! PC001
# file: orders/handlers/get.py
from ..aws import table
def handler(event, context):
    return table("orders").get_item(Key={"id": event["id"]})
""",
    "passed on by a package": """
# file: lib/impl.py
import boto3
def s3(): return boto3.client("s3")  # ! PC001
# file: lib/__init__.py
from .impl import s3
# file: app.py
import lib
def lambda_handler(event, context):
    return lib.s3().list_buckets()
""",
    "nested function and lambda": """
import re
def handler(event, context):
    def clean(text):
        return re.compile("[^a-z]").sub("", text)  # ! PC004
    return list(map(clean, event["texts"])), [(lambda t: re.compile("x").match(t))(t) for t in event["texts"]]  # ! PC004
""",
    "method of an instance that is made in each call": """
import boto3
class Service:
    def __init__(self, event):
        self.event = event
        self.s3 = boto3.client("s3")  # ! PC001
    def run(self):
        return self.s3.get_object(Bucket="b", Key=self.event["key"])
def lambda_handler(event, context):
    return Service(event).run()
""",
    "lazy attribute of an instance that is made in each call": """
import boto3
class Service:
    _s3 = None
    def client(self):
        if self._s3 is None:
            self._s3 = boto3.client("s3")  # ! PC001
        return self._s3
def lambda_handler(event, context):
    return Service().client().list_buckets()
""",
    "cached method of an instance that is made in each call": """
import functools, boto3
class Service:
    @functools.lru_cache
    def client(self):
        return boto3.client("s3")  # ! PC001
def lambda_handler(event, context):
    return Service().client().list_buckets()
""",
    "class-based handler": """
import boto3
class Handler:
    def handle(self, event, context):
        return self.read(event["key"])
    def read(self, key):
        return boto3.resource("s3").Object("b", key).get()  # ! PC001
handler = Handler().handle
""",
    "base class in another module": """
# file: base.py
import boto3
class Base:
    def handle(self, event, context):
        return self.process(event, self.client())
    def client(self):
        return boto3.client("s3")  # ! PC001
# file: main.py
from base import Base
class Mine(Base):
    def process(self, event, s3): return s3.list_buckets()
handler = Mine().handle
""",
    "Powertools decorators and routes": """
import os, boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
logger, tracer, app = Logger(), Tracer(), None
app = APIGatewayHttpResolver()
@app.post("/orders")
@tracer.capture_method
def create():
    boto3.client("sqs").send_message(QueueUrl="q", MessageBody="x")  # ! PC001
@logger.inject_lambda_context(log_event=True)
@tracer.capture_lambda_handler
def entry(record, ctx):
    return app.resolve(record, ctx), boto3.client("s3")  # ! PC001
""",
    "async handler": """
import re, asyncio
async def process(event):
    return re.compile(r"\\d+").findall(event["text"])  # ! PC004
async def handler(event, context):
    return await process(event)
""",
    "engine in each call": """
import os
from sqlalchemy import create_engine
def lambda_handler(event, context):
    engine = create_engine(f"postgresql://{os.environ['HOST']}/orders")  # ! PC003
    return engine
""",
    "secret in each call": """
import os, boto3
secrets = boto3.client("secretsmanager")
def handler(event, context):
    name = os.environ["SECRET"]
    return secrets.get_secret_value(SecretId=name)["SecretString"]  # ! PC005
""",
    "decrypted parameter in each call": """
import boto3
ssm = boto3.client("ssm")
def handler(event, context):
    return ssm.get_parameter(Name="/db/password", WithDecryption=True)  # ! PC005
""",
    "global that is set in each call": """
import boto3
client = None
def lambda_handler(event, context):
    global client
    client = boto3.client("s3")  # ! PC001
    return client.list_buckets()
""",
    "setdefault makes it each time": """
import boto3
_clients = {}
def handler(event, context):
    return _clients.setdefault("s3", boto3.client("s3")).list_buckets()  # ! PC001
""",
    "cache that begins again in each call": """
import functools, boto3
def handler(event, context):
    @functools.lru_cache
    def client():
        return boto3.client("s3")  # ! PC001
    return client().list_buckets()
""",
    "in a thread pool": """
import boto3
from concurrent.futures import ThreadPoolExecutor
def send(record):
    boto3.client("sns").publish(TopicArn="t", Message=record["body"])  # ! PC001
def handler(event, context):
    with ThreadPoolExecutor() as pool:
        list(pool.map(send, event["Records"]))
""",
    "a mark without a reason": """
import boto3
def handler(event, context):
    return boto3.client("s3").list_buckets()  # ! PC001 # profile: ignore
""",
}
