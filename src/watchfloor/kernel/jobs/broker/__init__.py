"""The only Celery code: a frozen application, signed tickets, and a read-only result backend."""
