"""`python -m local demo [capability …] | up | down | calls | patches`."""

from __future__ import annotations

import argparse
import os
import sys
import time

from local.harness.cloud import Cloud, LocalCloudError
from tools.bootstrap import SetupError


def main() -> int:
    """Run one command. A failure prints what to do, not a stack trace."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=["demo", "up", "down", "calls", "patches"])
    parser.add_argument("capability", nargs="*", help="run only these (demo)")
    arguments = parser.parse_args()
    from local.harness import demo
    from local.harness.cloud import start

    try:
        if arguments.command == "demo":
            return demo.demo(arguments.capability)
        if arguments.command == "down":
            demo.down()
        elif arguments.command == "up":
            demo.down()
            cloud, pid = start(demo.FOLDER / "cloud", demo.port())
            demo.PID.write_text(str(pid))
            print(f"The local cloud is up at {cloud.endpoint}; stop it with `make down`.")
        elif arguments.command == "patches":
            _show_patches()
        else:
            for call in Cloud(demo.port()).calls():
                at = time.strftime("%H:%M:%S", time.localtime(call["at"]))
                fault = f" [{call['fault']}]" if call["fault"] else ""
                print(f"{at} {call['service']}:{call['operation']} {call['status']}{fault} {call['principal']}")
    except (LocalCloudError, SetupError, OSError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except Exception as error:
        if os.environ.get("SWITCHYARD_DEBUG"):
            raise
        log = demo.FOLDER / "cloud" / "cloud.log"
        print(f"\n{type(error).__name__}: {error}\nThe local cloud's log may say more: {log}", file=sys.stderr)
        print("SWITCHYARD_DEBUG=1 shows where it happened.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _show_patches() -> None:
    """Print one line for each correction of MiniStack: file, target with what it relies on, reason, discussion."""
    from local import patches

    for one in patches.declared():
        file = one.function.__module__.rpartition(".")[2]
        target = f"{one.target.removeprefix('ministack.')}({', '.join(one.takes)})"
        print(f"{file}: {target}: {one.because} {one.upstream}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
