"""training_feedback without one permission at a time, and what CloudFormation has made of the bot."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.harness import scenario
from local.harness.cloud import Cloud
from local.harness.scenario import wait_until
from local.settings import REGION
from scenarios.apps import training_feedback as subject
from tests.e2e.conftest import only_with
from tests.e2e.permissions import sids, without

pytestmark = only_with("apps/training_feedback")

FAILED = "DependencyFailedException"


@pytest.fixture
def stack(stack_of: Any) -> scenario.Stack:
    found: scenario.Stack = stack_of("training_feedback")
    subject.teach(found)
    return found


@pytest.fixture
def learner(stack: scenario.Stack) -> subject.Learner:
    return subject.Learner(stack, f"permissions-{stack.token}")


def role(name: str) -> str:
    return f"switchyard-training-feedback-{name}-{REGION}"


def refusal(learner: subject.Learner, text: str) -> str:
    """Say something that must fail. Return the error's code."""
    bot = learner.stack.outputs["bot"]
    with pytest.raises(ClientError) as refused:
        learner.lex.recognize_text(
            botId=bot["bot_id"],
            botAliasId=bot["alias_id"],
            localeId="en_US",
            sessionId=learner.conversation,
            text=text,
        )
    return str(refused.value.response["Error"]["Code"])


def test_conversations_need_each_permission(cloud: Cloud, stack: scenario.Stack, learner: subject.Learner) -> None:
    hook = role("hook-function")
    assert sids(cloud, hook) == ["ReadMaterial", "KnowLearners", "QueueFeedback"]
    with without(cloud, hook, "ReadMaterial"):
        assert refusal(learner, "teach me alarms") == FAILED
    with without(cloud, hook, "KnowLearners"):
        assert refusal(learner, "teach me alarms") == FAILED
    assert "Press Limits" in learner.say("teach me alarms")["said"]
    for text in ("feedback", "too hard"):
        learner.say(text)
    with without(cloud, hook, "QueueFeedback"):
        assert refusal(learner, "The menu is terrible") == FAILED
    # The conversation is where it was: the same words again are the feedback, once.
    assert "Thank you" in learner.say("The menu is terrible")["said"]
    assert [row["text"] for row in subject.rows(stack, learner, 1)] == ["The menu is terrible"]


def test_learners_need_each_permission(cloud: Cloud, learner: subject.Learner) -> None:
    mine = role("learner")
    assert sids(cloud, mine, "learner") == ["TalkToTheBot", "Speak"]
    with without(cloud, mine, "TalkToTheBot", "learner"):
        assert refusal(learner, "feedback") == "AccessDeniedException"
    with without(cloud, mine, "Speak", "learner"), pytest.raises(ClientError, match="AccessDenied"):
        learner.client("polly").synthesize_speech(Text="Hello", OutputFormat="mp3", VoiceId="Joanna")


def test_lex_calls_the_hook_only_with_its_permission(stack: scenario.Stack, learner: subject.Learner) -> None:
    functions, name = stack.client("lambda"), stack.outputs["function_names"]["hook"]
    statement = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"][0]
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == stack.outputs["bot"]["alias_arn"]
    functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])
    try:
        assert refusal(learner, "teach me alarms") == FAILED
    finally:
        functions.add_permission(
            FunctionName=name,
            StatementId=statement["Sid"],
            Action="lambda:InvokeFunction",
            Principal="lexv2.amazonaws.com",
            SourceArn=stack.outputs["bot"]["alias_arn"],
            SourceAccount=statement["Condition"]["StringEquals"]["AWS:SourceAccount"],
        )
    assert "Press Limits" in learner.say("teach me alarms")["said"]


def test_the_analysis_needs_each_permission(cloud: Cloud, stack: scenario.Stack, learner: subject.Learner) -> None:
    analyse = role("analyse-function")
    analysing = ["FindPersonalData", "AnalyseText", "StoreRows", "FindHealthData"]
    assert sids(cloud, analyse) == ["ReceiveFeedback", *analysing]
    record = {"messageId": "m1", "body": subject.message(f"Patient John is here {stack.token}")}
    failed = {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    for sid in analysing:
        with without(cloud, analyse, sid):
            assert subject.invoke(stack, "analyse", {"Records": [record]}) == failed, sid
    stored = [row["text"] for row in subject.stored(stack).values() if stack.token in str(row["text"])]
    assert stored == []  # what could not be redacted was not stored
    # Another message of the batch is not kept from its row.
    odd = [{"messageId": "a", "body": "{"}, record, {"messageId": "b", "body": '{"id": 5}'}]
    answer = subject.invoke(stack, "analyse", {"Records": odd})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}
    stored = [row["text"] for row in subject.stored(stack).values() if stack.token in str(row["text"])]
    assert stored == [f"Patient [NAME] is here {stack.token}"]

    functions, name = stack.client("lambda"), stack.outputs["function_names"]["analyse"]
    mapping = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"][0]

    def reading() -> str:
        return str(functions.get_event_source_mapping(UUID=mapping["UUID"]).get("LastProcessingResult", ""))

    with without(cloud, analyse, "ReceiveFeedback"):
        learner.give("Slow and bad")
        wait_until("the refusal", lambda: "sqs:" in reading(), 30)
    assert [row["text"] for row in subject.rows(stack, learner, 1)] == ["Slow and bad"]


def test_the_template_fits_the_schemas_of_lex(stack: scenario.Stack) -> None:
    from cfnlint.api import lint

    name = "switchyard-training-feedback-bot"
    template = stack.client("cloudformation").get_template(StackName=name)["TemplateBody"]
    text = template if isinstance(template, str) else json.dumps(template)
    assert [str(match) for match in lint(text, regions=[REGION])] == []
    kinds = {one["Type"] for one in json.loads(text)["Resources"].values()}
    assert kinds == {"AWS::Lex::Bot", "AWS::Lex::BotVersion", "AWS::Lex::BotAlias"}
