"""The zygote's own process: `python -m watchfloor.kernel.sandbox`, started by `zygote.start` and by nobody else."""

from __future__ import annotations

from watchfloor.kernel.sandbox.nursery import main

if __name__ == "__main__":
    main()
