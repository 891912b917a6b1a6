"""Learners talk to the bot: material by topic and level, feedback that is redacted and counted once; faults, kills."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.harness.scenario import Report, Stack, wait_until
from local.settings import ACCOUNT_ID, REGION

NAME = "switchyard-training-feedback-"
PASSWORD = "Correct-Horse-7-Battery"
OWNER = f"arn:aws:quicksight:us-east-1:{ACCOUNT_ID}:user/default/ann"
QUICKSIGHT_ROLE = "aws-quicksight-service-role-v0"

seconds = 60
test_seconds = 10
variables: dict[str, Any] = {
    "training_feedback": {
        "topics": {"alarm limits": ["alarms", "thresholds"], "infusion pump": []},
        "locales": ["en_US", "es_US"],
        "speech": {},
        "quicksight": {"owner_arns": [OWNER]},
        "deletion_protection": False,
        "force_destroy": True,
    }
}

FAULTS: list[dict[str, Any]] = [
    {"kind": "throttle", "rate": 0.1, "principal": NAME},
    {"kind": "error", "status": 500, "rate": 0.1, "principal": NAME},
]
MATERIAL = {
    ("alarm limits", "beginner"): "Press Limits. Turn the knob to choose a parameter.",
    ("alarm limits", "intermediate"): "Save your limits as a profile.",
    ("alarm limits", "advanced"): "Profiles are exported as XML.",
    ("infusion pump", "advanced"): "Calibrate the pump once a year.",
    ("syringe pump", "beginner"): "A topic that the authors added, and the bot does not know.",
}
PERSONAL = (
    "The menu is terrible. Patient John Miller, 54 years old, MRN 1234567, has diabetes and takes insulin. "
    "Write to me: ann@example.org or +49 30 1234567."
)
REDACTED = (
    "The menu is terrible. Patient [NAME], [AGE] years old, [ID], has [DX_NAME] and takes [GENERIC_NAME]. "
    "Write to me: [EMAIL] or [PHONE]."
)
HOSTILE = {
    "markup": "<img src=x onerror=alert(1)> <script>alert(2)</script>",
    "quotes and braces": '{"sessionState": {}} \' OR 1=1; -- {Topic} ${x} %s',
    "a formula": '=HYPERLINK("http://example.org")',
    "another alphabet": "これはとても良いです、ありがとう",
    "emoji only": "😀😀😀",
    "right to left": "\u202egnp.exe\u202c",
    "lines and controls": "one\r\ntwo\x07\x00three",
    "spaces that no one sees": "\u200b\u200b",
    "1,024 characters": "bad " * 256,
}


def prepare(stack: Stack) -> dict[str, Any]:
    """Subscribe to QuickSight, which makes its service role. Return no variables."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "quicksight.amazonaws.com"}}
        ],
    }
    iam = stack.client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):  # an account has one
        iam.create_role(RoleName=QUICKSIGHT_ROLE, Path="/service-role/", AssumeRolePolicyDocument=json.dumps(trust))
    return {}


class Learner:
    """A user of the pool, with the credentials that the identity pool gives."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack, self.setup = stack, stack.outputs["learners"]
        users, pools = stack.client("cognito-idp"), stack.client("cognito-identity")
        pool = self.setup["user_pool_id"]
        with contextlib.suppress(users.exceptions.UsernameExistsException):
            users.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
        users.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
        signed_in = users.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=self.setup["client_id"],
            AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
        )
        logins = {f"cognito-idp.{REGION}.amazonaws.com/{pool}": signed_in["AuthenticationResult"]["IdToken"]}
        self.identity = pools.get_id(IdentityPoolId=self.setup["identity_pool_id"], Logins=logins)["IdentityId"]
        given = pools.get_credentials_for_identity(IdentityId=self.identity, Logins=logins)["Credentials"]
        self.session: Any = boto3.Session(
            given["AccessKeyId"], given["SecretKey"], given["SessionToken"], region_name=REGION
        )
        self.conversation = f"{self.identity}.{uuid.uuid4().hex[:8]}"
        self.lex = self.client("lexv2-runtime")

    def client(self, service: str) -> Any:
        """Return a client with the learner's credentials."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 8})
        return self.session.client(service, endpoint_url=self.stack.cloud.endpoint, config=config)

    def say(self, text: str, locale: str = "en_US", **more: Any) -> dict[str, Any]:
        """Say something. Return the answer: `said`, all messages, is added. Repeat it while the hook fails."""
        bot = self.stack.outputs["bot"]
        for _ in range(12):
            try:
                answer: dict[str, Any] = self.lex.recognize_text(
                    botId=bot["bot_id"],
                    botAliasId=bot["alias_id"],
                    localeId=locale,
                    sessionId=self.conversation,
                    text=text,
                    **more,
                )
            except self.lex.exceptions.DependencyFailedException:
                continue
            return {**answer, "said": "\n".join(one["content"] for one in answer["messages"])}
        raise AssertionError(f"no answer to {text!r}")

    def give(self, comment: str, difficulty: str = "too hard", topic: str = "alarm limits") -> dict[str, Any]:
        """Take a training and give feedback on it. Return the last answer."""
        self.say(f"teach me {topic}")
        self.say("feedback")
        self.say(difficulty)
        return self.say(comment)


_READ: dict[tuple[str, str], dict[str, Any]] = {}
"""Rows that were read, by the key and ETag of their object."""


def stored(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return all rows of feedback, by key."""
    s3, bucket = stack.client("s3"), stack.outputs["bucket"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="feedback/")
    found = [(one["Key"], one["ETag"]) for page in pages for one in page.get("Contents", [])]
    for key, tag in found:
        if (key, tag) not in _READ:
            _READ[key, tag] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return {key: _READ[key, tag] for key, tag in found}


def rows(stack: Stack, learner: Learner, number: int) -> list[dict[str, Any]]:
    """Wait until a session has as many rows, and return them."""
    session = hashlib.sha256(learner.conversation.encode()).hexdigest()[:32]

    def found() -> list[dict[str, Any]]:
        kept = [row for row in stored(stack).values() if row["session"] == session]
        return kept if len(kept) >= number else []

    return wait_until("the rows", found)


def query(stack: Stack, sql: str) -> list[list[str]]:
    """Return the rows of a query in the module's workgroup, without the heading. Raise AssertionError."""
    athena, setup = stack.client("athena"), stack.outputs["athena"]
    started = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": setup["database"], "Catalog": "AwsDataCatalog"},
        WorkGroup=setup["workgroup"],
    )["QueryExecutionId"]

    def ended() -> Any:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        return status if status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

    status = wait_until("the query", ended)
    if status["State"] != "SUCCEEDED":
        raise AssertionError(status.get("StateChangeReason", status["State"]))
    found = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in found][1:]


def invoke(stack: Stack, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Call a function. Return its answer, or {"errorType", "errorMessage"} if it failed."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function_names"][name], Payload=json.dumps(event)
    )
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


def message(text: str) -> str:
    """Return a message of the queue, as the hook makes it."""
    said = {"topic": "alarm limits", "level": "beginner", "difficulty": "too hard", "locale": "en", "text": text}
    who = {"learner": uuid.uuid4().hex, "session": uuid.uuid4().hex}
    return json.dumps({"id": uuid.uuid4().hex, "at": int(time.time()), **who, **said})


def teach(stack: Stack) -> None:
    """Put the material into the table, as authors do."""
    for (topic, level), text in MATERIAL.items():
        item = {"topic": topic, "level": level, "text": text, "title": topic.title()}
        stack.client("dynamodb").put_item(
            TableName=stack.outputs["material_table_name"], Item={name: {"S": value} for name, value in item.items()}
        )


def run(stack: Stack, report: Report) -> None:
    """Check the specification's acceptance, then languages, refusals, hostile texts, faults and kills."""
    teach(stack)
    built(stack, report)
    ann = Learner(stack, f"ann-{stack.token}")
    acceptance(stack, report, ann)
    analysed(stack, report, ann)
    spanish(stack, report)
    refused(stack, report, ann)
    hostile(stack, report)
    long(stack, report)
    faults(stack, report)
    killed(stack, report)
    report.sent = (
        f"conversations in 2 languages; {len(HOSTILE)} hostile texts;\n"
        "feedback of 6 learners while 20 % of all calls fail;\nkilled functions"
    )


def built(stack: Stack, report: Report) -> None:
    """Read back what CloudFormation has made of the bot."""
    lex, bot = stack.client("lexv2-models"), stack.outputs["bot"]
    alias = lex.describe_bot_alias(botId=bot["bot_id"], botAliasId=bot["alias_id"])
    report.check("the alias points to a numbered version", alias["botVersion"].isdigit())
    hooks = {
        locale: (setting["enabled"], setting["codeHookSpecification"]["lambdaCodeHook"]["lambdaARN"].split(":")[-1])
        for locale, setting in alias["botAliasLocaleSettings"].items()
    }
    name = stack.outputs["function_names"]["hook"]
    report.check("and calls the hook for each locale", hooks, {"en_US": (True, name), "es_US": (True, name)})
    states = [
        lex.describe_bot_locale(botId=bot["bot_id"], botVersion=bot["version"], localeId=locale)["botLocaleStatus"]
        for locale in bot["locales"]
    ]
    report.check("whose locales are built", states, ["Built", "Built"])


def acceptance(stack: Stack, report: Report, ann: Learner) -> None:
    """Take trainings, and give feedback that has personal and health data."""
    answer = ann.say("Teach me alarms!")
    state = answer["sessionState"]["intent"]["state"]
    found = (state, MATERIAL["alarm limits", "beginner"] in answer["said"])
    report.check("a known topic has its material", found, ("Fulfilled", True))
    answer = ann.say("teach me knitting")
    asked = (answer["sessionState"]["dialogAction"]["slotToElicit"], "alarm limits, infusion pump" in answer["said"])
    report.check("an unknown topic is answered with those that exist", asked, ("Topic", True))
    answer = ann.say("Syringe Pump")
    report.check(
        "a topic of the table that the bot does not know", MATERIAL["syringe pump", "beginner"] in answer["said"]
    )
    answer = ann.say("teach me infusion pump")
    note = "nothing at the level beginner, so this is the level advanced" in answer["said"]
    report.check("the nearest level, which is named", (note, "Calibrate" in answer["said"]), (True, True))
    answer = ann.say("show me the expert training on alarm limits")
    asked = (
        answer["sessionState"]["dialogAction"]["slotToElicit"],
        "beginner, intermediate, advanced" in answer["said"],
    )
    report.check("an unknown level is answered with those that exist", asked, ("Level", True))
    report.check(
        "a level that was asked for", MATERIAL["alarm limits", "intermediate"] in ann.say("intermediate")["said"]
    )
    report.check("words that mean nothing", "did not understand" in ann.say("what is the weather like")["said"])

    report.check("feedback is about the last training", "too hard" in ann.say("I have feedback")["said"])
    report.check("in words of the list", "too hard" in ann.say("purple")["said"])
    ann.say("difficult")
    answer = ann.say(PERSONAL)
    report.check("thanks, and the next level", "Next time" in answer["said"] and "level beginner" in answer["said"])
    row = rows(stack, ann, 1)[0]
    report.check("personal and health data is redacted", (row["text"], row["redacted"]), (REDACTED, 7))
    report.check(
        "with the sentiment of Comprehend",
        (row["sentiment"], row["language"], row["topic"], row["level"], row["difficulty"]),
        ("NEGATIVE", "en", "alarm limits", "intermediate", "too hard"),
    )
    comprehend = stack.client("comprehend").detect_sentiment(Text=REDACTED, LanguageCode="en")
    report.check("and its scores", row["negative"], comprehend["SentimentScore"]["Negative"])
    log = "\n".join(line for name in stack.functions for line in stack.logged(name))
    report.check("no log has what was said", [word for word in ("Miller", "diabetes", "1234567") if word in log], [])
    ann.give("Easy to follow, thank you", "too easy")
    report.check(
        "an easy training moves up", MATERIAL["alarm limits", "intermediate"] in ann.say("teach me alarms")["said"]
    )
    rows(stack, ann, 2)


def analysed(stack: Stack, report: Report, ann: Learner) -> None:
    """Count rows in Athena and QuickSight, with the queries that are saved."""
    kept = rows(stack, ann, 2)
    ids = ", ".join(f"'{row['id']}'" for row in kept)
    counted = query(stack, f"SELECT count(*), count(DISTINCT id), max(text) FROM feedback WHERE id IN ({ids})")
    report.check("one row for each feedback", counted[0][:2], ["2", "2"])
    athena = stack.client("athena")
    for name, identity in sorted(stack.outputs["athena"]["queries"].items()):
        sql = athena.get_named_query(NamedQueryId=identity)["NamedQuery"]["QueryString"]
        report.check(f"saved query {name}", len(query(stack, sql)) > 0)
    data_set = stack.outputs["quicksight_data_set_id"]
    loaded = stack.cloud.command("quicksight/refresh", {"data_set": data_set})
    spice = [row for row in stack.cloud.command("quicksight/rows", {"data_set": data_set}) if row["id"] in ids]
    report.check("QuickSight loads them", (loaded["IngestionStatus"], len(spice)), ("COMPLETED", 2))


def spanish(stack: Stack, report: Report) -> None:
    """Speak Spanish: health data cannot be found there, so that no text is kept."""
    eva = Learner(stack, f"eva-{stack.token}")
    answer = eva.say("Enséñame alarm limits", "es_US")
    report.check("another language", "Di «comentarios»" in answer["said"])
    for text in ("comentarios", "muy difícil", "El menú es muy malo y horrible para la paciente"):
        answer = eva.say(text, "es_US")
    report.check("has its sentences", "Gracias" in answer["said"])
    row = rows(stack, eva, 1)[0]
    kept = (row["text"], row["phrases"], row["redaction"], row["sentiment"], row["difficulty"])
    report.check(
        "a text that cannot be checked is withheld", kept, (None, [], "text withheld: language", "NEGATIVE", "too hard")
    )


def refused(stack: Stack, report: Report, ann: Learner) -> None:
    """Try what learners may not do."""
    bot = stack.outputs["bot"]
    where = {"localeId": "en_US", "sessionId": ann.conversation}

    def code(call: Any, **arguments: Any) -> str:
        try:
            call(**arguments)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "allowed"

    other = code(ann.lex.recognize_text, botId=bot["bot_id"], botAliasId="TSTALIASID", text="hi", **where)
    report.check("learners may not use another alias", other, "AccessDeniedException")
    gone = code(ann.lex.delete_session, botId=bot["bot_id"], botAliasId=bot["alias_id"], **where)
    report.check("nor end sessions", gone, "AccessDeniedException")
    table = code(ann.client("dynamodb").scan, TableName=stack.outputs["material_table_name"])
    report.check("nor read tables", table, "AccessDeniedException")
    spoken = ann.client("polly").synthesize_speech(Text="Hello", OutputFormat="mp3", VoiceId="Joanna", Engine="neural")
    report.check("they may have texts read", len(spoken["AudioStream"].read()) > 0)
    pool = stack.outputs["learners"]["identity_pool_id"]
    guest = code(stack.client("cognito-identity").get_id, IdentityPoolId=pool)
    report.check("a guest gets no identity", guest, "NotAuthorizedException")
    borrowed = {"sessionAttributes": {"feedbackMark": "../../x", "topic": "x" * 500, "level": "root"}}
    mallory = Learner(stack, f"mallory-{stack.token}")
    mallory.say("feedback", sessionState=borrowed)
    mallory.say("alarm limits")
    mallory.say("too hard")
    mallory.say("Nothing to see here")
    keys = [key for key, row in stored(stack).items() if key.count("/") != 2 or not row["id"].isalnum()]
    row = rows(stack, mallory, 1)[0]
    report.check("a client's attributes reach no key", (keys, row["topic"], row["level"]), ([], "alarm limits", ""))


def hostile(stack: Stack, report: Report) -> None:
    """Say what is hostile or odd, as a topic and as feedback: each is one row, word for word or withheld."""
    eve = Learner(stack, f"eve-{stack.token}")
    odd = []
    for text in HOSTILE.values():
        answer = eve.say("teach me " + text[:900])
        odd += [text] if answer["sessionState"]["dialogAction"]["type"] not in ("ElicitSlot", "Close") else []
        eve.say("alarm limits")
        eve.give(text, "just right")
    report.check("hostile topics are answered", odd, [])
    kept = rows(stack, eve, len(HOSTILE))
    texts = sorted(str(row["text"]) for row in kept)
    wanted = sorted("None" if name == "another alphabet" else text.strip() for name, text in HOSTILE.items())
    report.check("hostile feedback is kept word for word", texts, wanted)


def long(stack: Stack, report: Report) -> None:
    """Queue a text that is longer than Comprehend takes for a sentiment."""
    text = ("The limits menu is terrible. " * 447)[:12945]
    stack.client("sqs").send_message(QueueUrl=stack.outputs["queue_url"], MessageBody=message(text))
    found = wait_until("the row", lambda: [row for row in stored(stack).values() if row["characters"] == 12945])[0]
    report.check(
        "a long text is kept whole", (found["text"] == text, found["cut"], found["sentiment"]), (True, True, "NEGATIVE")
    )


def faults(stack: Stack, report: Report) -> None:
    """Give feedback while one call in five fails: each is one row, and moves one level."""
    learners = [Learner(stack, f"learner{number}-{stack.token}") for number in range(6)]
    with stack.faults(*FAULTS, seed=7), ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: [one.give(f"Terrible menu {n}", "too easy") for n in range(2)], learners))
        kept = [sorted(row["text"] for row in rows(stack, one, 2)) for one in learners]
    report.check("faults: one row for each feedback", kept, [["Terrible menu 0", "Terrible menu 1"]] * 6)
    levels = {one.say("teach me alarm limits")["said"].split("\n")[1] for one in learners}
    report.check("faults: two steps up", levels, {MATERIAL["alarm limits", "advanced"]})


def killed(stack: Stack, report: Report) -> None:
    """Kill the functions in the middle of their work: nothing is lost, nothing doubled."""
    kim = Learner(stack, f"kim-{stack.token}")
    kills = [
        {"kind": "kill", "service": "sqs", "operation": "SendMessage", "count": 1, "after": True},
        {"kind": "kill", "service": "dynamodb", "operation": "PutItem", "count": 1, "after": True},
    ]
    with stack.faults(*({**kill, "principal": f"{NAME}hook"} for kill in kills)):
        kim.give("Terrible and killed", "too easy")
    found = rows(stack, kim, 1)
    report.check("killed hook: one row", [row["text"] for row in found], ["Terrible and killed"])
    report.check(
        "killed hook: one step up", MATERIAL["alarm limits", "intermediate"] in kim.say("teach me alarms")["said"]
    )
    event = {"Records": [{"messageId": "1", "body": message("Terrible, and killed later")}]}
    kill = {
        "kind": "kill",
        "service": "s3",
        "operation": "PutObject",
        "count": 1,
        "after": True,
        "principal": f"{NAME}analyse",
    }
    # The killed hook has sent its message twice: its second analysis would be killed in place of this one.
    wait_until("an empty queue", lambda: stack.messages(stack.outputs["queue_url"]) == 0)
    with stack.faults(kill):
        first = invoke(stack, "analyse", event)
    again = invoke(stack, "analyse", event)  # as the queue delivers it again
    kept = [row for row in stored(stack).values() if row["text"] == "Terrible, and killed later"]
    ended = ("errorType" in first, again, len([row for row in kept if row["id"] in event["Records"][0]["body"]]))
    report.check("killed analysis: one row", ended, (True, {"batchItemFailures": []}, 1))
