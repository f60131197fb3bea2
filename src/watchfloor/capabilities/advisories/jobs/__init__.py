"""The job kinds of advisories: ask the sources, merge, match, keep clean."""

from watchfloor.capabilities.advisories.jobs.bundle import export_bundle
from watchfloor.capabilities.advisories.jobs.cleaning import clean_cache
from watchfloor.capabilities.advisories.jobs.counting import update_statistics
from watchfloor.capabilities.advisories.jobs.importing import import_files
from watchfloor.capabilities.advisories.jobs.match import match_inventory
from watchfloor.capabilities.advisories.jobs.rebuilding import rebuild
from watchfloor.capabilities.advisories.jobs.reconciling import reconcile
from watchfloor.capabilities.advisories.jobs.rematching import rematch
from watchfloor.capabilities.advisories.jobs.sync import sync_nvd_updates, update_vulnerabilities
from watchfloor.capabilities.advisories.jobs.unbundling import import_bundle
from watchfloor.capabilities.advisories.jobs.watching import watch

__all__ = [
    "clean_cache",
    "export_bundle",
    "import_bundle",
    "import_files",
    "match_inventory",
    "rebuild",
    "reconcile",
    "rematch",
    "sync_nvd_updates",
    "update_statistics",
    "update_vulnerabilities",
    "watch",
]
