"""The job kinds of advisories: ask the sources, merge, match, keep clean."""

from watchfloor.capabilities.advisories.jobs.cleaning import clean_cache
from watchfloor.capabilities.advisories.jobs.importing import import_files
from watchfloor.capabilities.advisories.jobs.rebuilding import rebuild

__all__ = ["clean_cache", "import_files", "rebuild"]
