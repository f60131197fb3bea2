"""Job kinds of advisories: ask the sources, merge, match, keep clean."""
