"""Measure how fast messages leave, beside Apprise, and how fast one event is stored for many: prints one JSON document; see README.md."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # A script's own folder comes first on the path; ours is the folder above, where `benchmarks`, `tests` and `src` are.
    root = Path(__file__).resolve().parent.parent
    sys.path[:1] = [str(root), str(root / "src")]
    from benchmarks.deliveries.main import main

    sys.exit(main())
