"""Row-level security: the second lock on every organisation's rows, written in the migration that makes the table."""

from __future__ import annotations

OWN_ORG = "(select nullif(current_setting('watchfloor.org', true), '')::uuid)"
PLATFORM_ORG = "00000000-0000-0000-0000-000000000000"  # audit rows that belong to the installation, not to one org


def protect(table: str, *, engine: bool = False, key: str = "org", app: str = "select, insert, update, delete") -> str:
    """Return the SQL that forces row-level security on `table`.

    Args:
        table: A table whose rows carry an organisation in the column `key`.
        engine: True when the job engine reads and writes it across organisations.
        key: The column that names the organisation.
        app: What the application role may do with its own organisation's rows.
    """
    lines = [
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"grant {app} on {table} to wf_app",
        f"create policy org on {table} to wf_app using ({key} = {OWN_ORG}) with check ({key} = {OWN_ORG})",
        # The owner migrates data; it is used by nothing else.
        f"create policy owner on {table} to current_user using (true) with check (true)",
    ]
    if engine:
        lines += [
            f"grant select, insert, update, delete on {table} to wf_engine",
            f"create policy engine on {table} to wf_engine using (true) with check (true)",
        ]
    return ";\n".join(lines) + ";\n"


def share(table: str, *, app: str = "select") -> str:
    """Return the SQL for a table without organisations: the engine writes it, the application role may do `app`."""
    engine = f"grant select, insert, update, delete on {table} to wf_engine;\n"
    return engine + (f"grant {app} on {table} to wf_app;\n" if app else "")
