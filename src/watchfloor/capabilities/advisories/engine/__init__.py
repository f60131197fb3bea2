"""Pure thinking about advisories: versions, names, merging, matching, priority."""
