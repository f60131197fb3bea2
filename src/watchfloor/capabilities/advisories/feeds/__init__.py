"""The outside of advisories: one file per source; runs in the sandbox."""
