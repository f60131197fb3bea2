"""`wf scope` and `wf assets`, each in a file of its own."""
