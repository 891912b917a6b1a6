#!/usr/bin/env python3
"""The check as a hook of pre-commit, which runs it from a clone of this repository in the user's repository."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tools.profile_check.__main__ import main

    sys.exit(main(sys.argv[1:]))
