"""`wf scans`: each topic registers its commands on the group in `scans.py`; import it here."""

from watchfloor.capabilities.scans.cli import checks, diff, imports
from watchfloor.capabilities.scans.cli.scans import commands

__all__ = ["checks", "commands", "diff", "imports"]
