"""Promote replicas when the source's Region is lost, and fail back when it returns. Operators run it as a command.

    PYTHONPATH=lambda_src python3 -m protection.secret_replication.failover promote --region eu-west-1
    … status --region eu-west-1
    … fail-back --region eu-west-1 [--discard]

It needs boto3 and the caller's credentials, and nothing of the source's Region before `fail-back`. A promoted replica
has the tag `switchyard:promoted`, with the version that was current then: the functions leave it alone, so the other
site can write and rotate it. Each command can be repeated. One line says what was done for each replica; the exit
status is 1 if anything was refused.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from .errors import BothChanged, ReplicationError, SourceUnusable, translated
from .secrets import CURRENT, PENDING, PROMOTED_TAG, SOURCE_TAG, Secret, place
from .sync import describe

ClientIn = Callable[[str], Any]
"""Return the client of the source's account for a Region."""


class Line(NamedTuple):
    """What was done for one replica."""

    replica: str
    done: str
    refused: bool = False


def promote(client: Any, prefix: str = "") -> Iterator[Line]:
    """Make each replica stop following its source. A replica that is promoted already keeps the version on its tag."""

    def one(replica: Secret) -> str:
        if replica.promoted is not None:
            return "was promoted before"
        tag = {"Key": PROMOTED_TAG, "Value": replica.labels.get(CURRENT, "")}
        with translated(f"tagging {replica.name}"):
            client.tag_resource(SecretId=replica.arn, Tags=[tag])
        return "promoted"

    return _each(replicas(client, prefix), one)


def status(client: Any, prefix: str = "") -> Iterator[Line]:
    """Say of each replica whether it follows its source."""

    def one(replica: Secret) -> str:
        if replica.promoted is None:
            return f"follows {replica.source}"
        changed = ", and has a new value" if replica.labels.get(CURRENT) != replica.promoted else ""
        return f"promoted{changed}; its source is {replica.source}"

    return _each(replicas(client, prefix), one)


def fail_back(client: Any, source_in: ClientIn, prefix: str = "", *, discard: bool = False) -> Iterator[Line]:
    """Give each promoted replica's new value to its source, and let the replica follow again.

    `discard` gives the source nothing: the replica gets the source's value. Without it, a pair whose sides both have
    new values is refused.
    """

    def one(replica: Secret) -> str:
        done = "follows again" if discard else _return(client, source_in, replica)
        with translated(f"untagging {replica.name}"):
            client.untag_resource(SecretId=replica.arn, TagKeys=[PROMOTED_TAG])
        return done

    return _each((replica for replica in replicas(client, prefix) if replica.promoted is not None), one)


def _each(found: Iterator[Secret], act: Callable[[Secret], str]) -> Iterator[Line]:
    """Yield what `act` does for each replica: a refusal of one does not affect the others."""
    for replica in found:
        try:
            yield Line(replica.name, act(replica))
        except ReplicationError as error:
            yield Line(replica.name, f"REFUSED: {error}", refused=True)


def _return(client: Any, source_in: ClientIn, replica: Secret) -> str:
    arn = replica.source or ""
    there = source_in(place(arn)[0])
    source = describe(there, arn, "at the source")
    if source is None or source.deleted:
        raise SourceUnusable(
            f"the source {arn} does not exist. To keep the replica as a secret of its own, remove its tags "
            f"{SOURCE_TAG} and {PROMOTED_TAG}."
        )
    current, before = replica.labels.get(CURRENT), source.labels.get(CURRENT)
    if current in (replica.promoted, before):
        return "follows again, had no new value"
    if before != replica.promoted:
        raise BothChanged("both sides have a new value. Put the right one into the source and repeat with --discard.")
    if source.labels.get(PENDING) not in (None, before, current):
        raise SourceUnusable(f"{source.name} is being rotated. Repeat after the rotation.")
    with translated(f"reading {replica.name}"):
        answer = client.get_secret_value(SecretId=replica.arn, VersionId=current)
    value = {name: answer[name] for name in ("SecretString", "SecretBinary") if name in answer}
    # As in `sync`: the move fails if the source has got another value meanwhile.
    with translated(f"writing {source.name} at the source", value=True):
        there.put_secret_value(SecretId=arn, ClientRequestToken=current, VersionStages=[PENDING], **value)
    with translated(f"writing {source.name} at the source"):
        there.update_secret_version_stage(
            SecretId=arn, VersionStage=CURRENT, MoveToVersionId=current, RemoveFromVersionId=before
        )
    return f"follows again, its value is at {arn}"


def replicas(client: Any, prefix: str = "") -> Iterator[Secret]:
    """Yield the replicas in the client's Region whose names begin with `prefix`, as DescribeSecret returns them."""
    paging: dict[str, Any] = {"MaxResults": 100, "Filters": [{"Key": "tag-key", "Values": [SOURCE_TAG]}]}
    names: list[str] = []
    while paging:
        with translated("listing the replicas"):
            page = client.list_secrets(**paging)
        names += [entry["ARN"] for entry in page["SecretList"] if entry["Name"].startswith(prefix)]
        paging = {**paging, "NextToken": page["NextToken"]} if page.get("NextToken") else {}
    for name in names:
        found = describe(client, name, "at the target")
        if found and found.source is not None:
            yield found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Return the exit status."""
    parser = argparse.ArgumentParser(prog="failover", description="Promote replicas, and fail back.")
    parser.add_argument("command", choices=["promote", "status", "fail-back"])
    parser.add_argument("--region", required=True, help="Region of the replicas")
    parser.add_argument("--prefix", default="", help="only replicas whose names begin with this")
    parser.add_argument("--profile", help="profile of the AWS CLI for the replicas' account")
    parser.add_argument("--source-profile", help="profile for the sources' account, if it is another one")
    parser.add_argument("--discard", action="store_true", help="fail back without giving new values to the sources")
    given = parser.parse_args(arguments)
    client = _client(given.profile, given.region)
    made: Iterator[Line]
    if given.command == "fail-back":
        profile = given.source_profile or given.profile
        made = fail_back(client, lambda region: _client(profile, region), given.prefix, discard=given.discard)
    else:
        made = {"promote": promote, "status": status}[given.command](client, given.prefix)
    refused = False
    try:
        for line in made:
            refused |= line.refused
            print(f"{line.replica}: {line.done}")
    except ReplicationError as error:
        print(error, file=sys.stderr)
        return 1
    return int(refused)


def _client(profile: str | None, region: str) -> Any:
    import boto3

    return boto3.Session(profile_name=profile, region_name=region).client("secretsmanager")


if __name__ == "__main__":
    sys.exit(main())
