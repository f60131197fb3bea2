"""Facts about the words of a scan's part of reports: each that can stand in a cell or say how a scan is doing has a translation."""

from __future__ import annotations

from typing import get_args

import pytest

from watchfloor.capabilities.scans.engine.difference import FindingVerdict, HostVerdict, PortChange, PortVerdict, ServiceChange
from watchfloor.capabilities.scans.queries.read import STATES
from watchfloor.capabilities.scans.report import CHANGES, _word, section


def test_every_change_of_a_host_a_port_a_service_or_a_finding_is_a_word_of_ours() -> None:
    ports = [_word(PortChange(change=one, address="", protocol="tcp", port=1)) for one in get_args(PortVerdict)]
    # What changed on a host stands in lines of its own.
    said = {*get_args(HostVerdict), *ports, *get_args(FindingVerdict), *get_args(ServiceChange.model_fields["field"].annotation)} - {
        "changed"
    }
    assert said == set(CHANGES)


@pytest.mark.parametrize("language", sorted(section.words))
def test_every_state_that_a_report_names_is_translated(language: str) -> None:
    # Of a scan that has finished, a report has nothing to say.
    assert set(STATES) - {"finished"} - set(section.words[language]) == set()
