"""The documentation keeps its word: commands, links, exit codes, lists."""
