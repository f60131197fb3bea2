"""Run one prepared statement straight over libpq: half the cost of a cursor, for the call made thousands of times a second."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import pq
from psycopg.errors import InvalidSqlStatementName, error_from_result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from watchfloor.kernel.db.session import Wire

PARAMETER = re.compile(r"%\((\w+)\)s")
OIDS = {"uuid": 2950, "bytea": 17, "text": 25, "int4": 23, "float8": 701, "bool": 16, "timestamptz": 1184, "text[]": 1009}
_prepared: WeakKeyDictionary[Wire, dict[str, list[str]]] = WeakKeyDictionary()


class Fixed:
    """Parameters that many calls share, encoded once; what differs from call to call is given with the call."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Take UUIDs, bytes, text, numbers, truth, moments, lists of text, or None."""
        self._values = values
        self._encoded: dict[str, tuple[list[bytes | None], list[int]]] = {}

    def with_(self, name: str, order: Sequence[str], varying: Mapping[str, Any]) -> tuple[list[bytes | None], list[int]]:
        """Return the parameters of the statement `name` and their formats, in order."""
        if name not in self._encoded:
            pairs = [_encoded(varying.get(parameter, self._values.get(parameter))) for parameter in order]
            self._encoded[name] = [value for value, _ in pairs], [form for _, form in pairs]
        shared, forms = self._encoded[name]
        parameters = shared.copy()
        for parameter, value in varying.items():
            parameters[order.index(parameter)] = _encoded(value)[0]
        return parameters, forms


def run(
    wire: Wire, name: str, sql: str, types: Mapping[str, str], fixed: Fixed, **varying: UUID | bytes | str
) -> list[tuple[bytes | None, ...]]:
    """Run `sql` (psycopg's named parameters) and return its rows in PostgreSQL's binary format.

    Args:
        wire: An autocommit connection of this thread.
        name: The prepared statement's name; the same SQL every time.
        sql: One statement.
        types: PostgreSQL's type of each parameter.
        fixed: The parameters that stay the same.
        varying: Those that do not; the same names and types every time, never None.

    Raises:
        psycopg.Error: As a cursor would raise it.
    """
    known = _prepared.setdefault(wire, {})
    if name in known:
        try:
            return _run(wire, name, *fixed.with_(name, known[name], varying))
        except InvalidSqlStatementName:
            pass  # psycopg forgets all prepared statements after a rollback
    known[name] = _prepare(wire, name, sql, types)
    return _run(wire, name, *fixed.with_(name, known[name], varying))


def _run(wire: Wire, name: str, parameters: Any, forms: list[int]) -> list[tuple[bytes | None, ...]]:  # noqa: ANN401 - None is NULL, which psycopg's stubs leave out
    result = wire.pgconn.exec_prepared(name.encode(), parameters, forms, 1)
    if result.status != pq.ExecStatus.TUPLES_OK:
        _fail(wire, result)
    columns = range(result.nfields)
    return [tuple(result.get_value(row, column) for column in columns) for row in range(result.ntuples)]


def _prepare(wire: Wire, name: str, sql: str, types: Mapping[str, str]) -> list[str]:
    order = list(dict.fromkeys(PARAMETER.findall(sql)))
    numbered = PARAMETER.sub(lambda found: f"${order.index(found[1]) + 1}", sql).replace("%%", "%")
    result = wire.pgconn.prepare(name.encode(), numbered.encode(), [OIDS[types[parameter]] for parameter in order])
    if result.status != pq.ExecStatus.COMMAND_OK:
        _fail(wire, result)
    return order


def _encoded(value: UUID | bytes | str | float | datetime | Sequence[str] | None) -> tuple[bytes | None, int]:
    match value:
        case None:
            return None, 0
        case UUID():
            return value.bytes, 1
        case bytes():
            return value, 1
        case list():
            return ("{" + ",".join(f'"{_escaped(part)}"' for part in value) + "}").encode(), 0
    return str(value).encode(), 0


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _fail(wire: Wire, result: pq.abc.PGresult) -> None:
    if wire.closed:
        raise psycopg.OperationalError(wire.pgconn.error_message.decode(errors="replace") or "the connection is lost")
    raise error_from_result(result, "utf-8")
