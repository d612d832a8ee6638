"""Python imports this by itself in each process that has this folder on its path: see tests/soak/trouble.py."""

import sys

if "-m" in sys.orig_argv:
    from tests.soak.trouble import arm

    arm()
