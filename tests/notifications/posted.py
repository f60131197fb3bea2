"""What webhooks posted, checked against the shapes that the API's document publishes."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]  # it has no types

from tests.api.floor import document

if TYPE_CHECKING:
    from collections.abc import Iterable


@cache
def validator(event: str) -> Any:
    """Return what checks a body that tells of an event; None for an event that somebody made up."""
    told = document()["webhooks"].get(event)
    if told is None:
        return None
    schema = told["post"]["requestBody"]["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator({**schema, "components": document()["components"]})


def check_posted(came: Iterable[tuple[dict[str, str], bytes]]) -> None:
    """Check bodies that are signed and tell of what is published."""
    for headers, body in came:
        told = json.loads(body) if "webhook-signature" in headers else {}
        found = validator(str(told.get("type")))
        assert found is None or [one.message for one in found.iter_errors(told)] == []
