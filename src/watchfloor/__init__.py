"""Watchfloor: find what you expose, know what is dangerous today, tell the right people."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the Celery application, loaded only when asked for
    """Let `celery -A watchfloor …` find its application without loading Celery for anybody else."""
    if name == "app":
        return importlib.import_module("watchfloor.doors.worker").app
    raise AttributeError(name)
