"""`watchfloor settings`: every setting, its value, where it comes from, its unit and meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.catalog import CATALOG
from watchfloor.doors.cli.desk import known_settings
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.settings import KernelSettings, list_settings, refuse_unknown
from watchfloor.kernel.terminal import Exit, Json, note, print_json, table

if TYPE_CHECKING:
    from watchfloor.kernel.settings import Setting


def settings(*, json: Json = False) -> int:
    """Show every setting; secrets are masked.

    Sources, first to last: the environment, the settings file (WATCHFLOOR_SETTINGS_FILE, else settings.env in the data directory), the default.
    """
    found = all_settings()
    if json:
        print_json(found)
    else:
        table(
            ("setting", "value", "source", "type", "description"),
            [(one.name, one.value, one.source, one.type, one.description) for one in found],
        )
    try:
        refuse_unknown(known_settings())
    except SetupError as error:
        note(f"watchfloor: {error}")
        return Exit.ERROR
    return Exit.CLEAN


def all_settings() -> list[Setting]:
    """Return the kernel's settings, then each capability's."""
    found = list_settings(KernelSettings)
    for capability in CATALOG:
        if capability.settings:
            found += list_settings(capability.load(capability.settings), capability.name)
    return found
