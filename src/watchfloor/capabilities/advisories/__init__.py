"""Know what is dangerous today: one merged, explained record per CVE, matched against what is exposed."""
