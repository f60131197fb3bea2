"""The one way into PostgreSQL: sessions, tables, row-level security, pages, migrations."""
