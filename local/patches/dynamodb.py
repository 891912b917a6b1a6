"""DynamoDB's time to live as AWS runs it: MiniStack's deletes without a stream record.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
"""

from __future__ import annotations

import contextvars
import threading
import time
from typing import Any

USER_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

_by_ttl: contextvars.ContextVar[bool] = contextvars.ContextVar("switchyard_ttl", default=False)


def expire(table: str, at: float | None = None) -> int:
    """Let time to live run on *table* now, as if it were *at* (Unix seconds); how many items it deleted.

    AWS takes up to days. ValueError for a table that has no time to live.
    """
    from ministack.services import dynamodb as engine

    moment = time.time() if at is None else at
    expired = 0
    for (account, region, name), setting in list(engine._ttl_settings.all_items()):
        if name != table or setting.get("TimeToLiveStatus") != "ENABLED":
            continue
        attribute = setting["AttributeName"]
        with engine._lock:
            found = engine._tables.get_scoped(account, region, name)
            rows = [(pk, sk, row) for pk, by_sk in found["items"].items() for sk, row in by_sk.items()]
            due = [(pk, sk) for pk, sk, row in rows if _expired(row.get(attribute), moment)]
            for pk, sk in due:
                contextvars.copy_context().run(_remove, found, pk, sk)
        expired += len(due)
        return expired
    raise ValueError(f"table {table} has no time to live")


COMMANDS = {"expire": expire}


def _expired(value: Any, moment: float) -> bool:
    """Numbers only, and none that lies more than five years back."""
    try:
        return bool(moment - 5 * 365 * 86_400 < float(value["N"]) <= moment)
    except (KeyError, TypeError, ValueError):
        return False


def _remove(table: dict[str, Any], pk: Any, sk: Any) -> None:
    from ministack.core.responses import set_request_account_id, set_request_region
    from ministack.services import dynamodb as engine

    _, _, _, region, account, name = table["TableArn"].split(":", 5)
    set_request_account_id(account)
    set_request_region(region)
    _by_ttl.set(True)
    old = engine._engine_remove_item(table, pk, sk)
    if old is not None:
        engine._emit_stream_event(name.removeprefix("table/"), "REMOVE", old, None)


def install() -> None:
    """Give time to live its stream records."""
    from ministack.services import dynamodb as engine

    build, remove = engine._build_change_record, engine._remove_item

    def build_change_record(*arguments: Any) -> dict[str, Any]:
        record: dict[str, Any] = build(*arguments)
        return {**record, "userIdentity": dict(USER_IDENTITY)} if _by_ttl.get() else record

    def remove_item(table: dict[str, Any], pk: Any, sk: Any) -> Any:
        if threading.current_thread().name == "dynamodb-ttl-reaper":  # MiniStack's own, once a minute
            return contextvars.copy_context().run(_remove, table, pk, sk)
        return remove(table, pk, sk)

    engine._engine_remove_item = remove
    engine._build_change_record = build_change_record
    engine._remove_item = remove_item
