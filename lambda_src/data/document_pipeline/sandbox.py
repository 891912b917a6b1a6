"""The parent of `child`: asks it about one document, reads for it, and survives it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from .errors import DocumentRefused, PageFailed
from .settings import Settings

Read = Callable[[int, int], bytes]
"""(offset, length) → exactly these bytes."""
MIB = 1024 * 1024
LONGEST_LINE = 4096
PATIENCE = 5
"""The process ends itself after its seconds of computing. One that does not is ended after so many times as long."""


class Died(Exception):
    """The process ended, or was ended: `timeout`, `memory` or `crash`."""


class Sandbox:
    """A process for one document. A page that ends it costs that page; the next has a new process."""

    def __init__(self, read: Read, size: int, config: Settings) -> None:
        self._read, self._size, self._config = read, size, config
        self._process: subprocess.Popen[bytes] | None = None
        self.started = 0

    def __enter__(self) -> Self:
        """Return itself; the process starts with the first question."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.close()

    def count(self) -> tuple[int, bool]:
        """Return the number of pages, and true if the file's end is missing. Raise DocumentRefused."""
        try:
            answer, _ = self._ask({"count": True, "walk": True}, self._config.open_seconds)
        except Died:
            try:  # walking the pages took too much: what the file declares must do
                answer, _ = self._ask({"count": True, "walk": False}, self._config.open_seconds)
            except Died as error:
                raise DocumentRefused("too_complex", f"Counting its pages ended with: {error}.") from None
        if "pages" not in answer:
            raise DocumentRefused(str(answer.get("refused") or answer.get("failed")), str(answer.get("detail", "")))
        return int(answer["pages"]), bool(answer["truncated"])

    def draw(self, page: int, pages: int) -> bytes:
        """Return a page as PNG. Raise PageFailed."""
        config = self._config
        question = {
            "draw": page,
            "pages": pages,
            "dpi": config.dpi,
            "least": config.minimum_dpi,
            "pixels": config.maximum_pixels,
            "side": config.maximum_side,
        }
        try:
            answer, image = self._ask(question, config.page_seconds)
        except Died as error:
            raise PageFailed(f"page_{error}", "The page ended the process that drew it.") from None
        if "length" not in answer:
            raise PageFailed(str(answer.get("failed") or answer.get("refused")), str(answer.get("detail", "")))
        return image

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, question: dict[str, Any], seconds: int) -> tuple[dict[str, Any], bytes]:
        process = self._process = self._process or self._start(bool(question.get("walk")))
        watch = _Watch(process, PATIENCE * seconds)
        question = {**question, "seconds": seconds}
        try:
            return self._answer(process, watch, question)
        except (Died, OSError, ValueError) as error:  # its pipe is closed, or what it says is no answer
            self.close()
            late = watch.late or process.returncode == -signal.SIGXCPU
            if isinstance(error, Died) and str(error) == "memory":
                raise
            raise Died("timeout" if late else "crash") from None
        except BaseException:
            self.close()  # a read failed: the process waits for bytes that will not come
            raise

    def _answer(
        self, process: "subprocess.Popen[bytes]", watch: "_Watch", question: dict[str, Any]
    ) -> tuple[dict[str, Any], bytes]:
        """Return what the process says, after all that it wants to read. What the reads take is not its time."""
        to, back = process.stdin, process.stdout
        if to is None or back is None:
            raise Died("crash")
        said = json.dumps(question).encode() + b"\n"
        while True:
            with watch:
                to.write(said)
                to.flush()
                answer = json.loads(back.readline(LONGEST_LINE))
                length = answer.get("length", 0) if isinstance(answer, dict) else -1
                if not isinstance(length, int) or not 0 <= length <= self._config.memory_mib * MIB:
                    raise Died("crash")
                if "died" in answer:
                    raise Died("memory")
                if "read" not in answer:
                    image = back.read(length)
                    if len(image) != length:
                        raise Died("crash")
                    return answer, image
                offset, length = _numbers(answer["read"])
                if not 0 <= offset < offset + length <= self._size:
                    raise Died("crash")
            said = self._read(offset, length)

    def _start(self, walk: bool) -> "subprocess.Popen[bytes]":
        self.started += 1
        given = {"size": self._size, "memory": self._config.memory_mib * MIB, "walk": walk}
        return subprocess.Popen(
            [sys.executable, "-m", "data.document_pipeline.child", json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # No credentials: the environment of the function has them, so the child gets its own.
            env={
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
                "PATH": os.environ.get("PATH", ""),
                "PYTHONPYCACHEPREFIX": os.environ.get("PYTHONPYCACHEPREFIX", "/tmp/pycache"),  # noqa: S108 - Lambda's own
                "MALLOC_ARENA_MAX": "2",
            },
        )


def _numbers(value: Any) -> tuple[int, int]:
    """Return two numbers that the process says. Raise Died for anything else."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(number, int) for number in value):
        return value[0], value[1]
    raise Died("crash")


class _Watch:
    """Ends a process that takes more than its seconds, in all the times that this context is entered."""

    def __init__(self, process: "subprocess.Popen[bytes]", seconds: float) -> None:
        self._process, self._left, self.late = process, seconds, False

    def __enter__(self) -> None:
        self._began = time.monotonic()
        self._timer = threading.Timer(max(0.0, self._left), self._end)
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._left -= time.monotonic() - self._began

    def _end(self) -> None:
        self.late = True
        self._process.kill()
