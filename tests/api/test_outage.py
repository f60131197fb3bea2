"""A database that goes and comes back while the REST door is open."""

from __future__ import annotations

import pytest

from tests.api.floor import KEK, client_of, make_org, served
from tests.conftest import as_login
from tests.servers import postgres_server
from watchfloor.catalog import CATALOG
from watchfloor.doors.api import make_app
from watchfloor.kernel.db.schema import upgrade
from watchfloor.kernel.jobs.ledger import make_ledger
from watchfloor.kernel.settings import kernel_settings


@pytest.mark.slow
@pytest.mark.usefixtures("ledger")  # the pepper
def test_an_outage_is_a_503_and_nothing_accepted_before_it_is_lost() -> None:
    with postgres_server(fsync=True) as server:
        upgrade(server.url)
        ledger = make_ledger(as_login(server.url), KEK)
        try:
            with served(make_app(ledger, CATALOG, kernel_settings())) as http:
                owner = client_of(http, ledger, make_org(ledger), "owner")
                accepted = owner.submit()
                server.kill()
                for answer in (owner.ask("GET", "/jobs"), owner.ask("POST", "/jobs", json={"kind": "jobs.test"})):
                    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                    assert answer.headers["retry-after"] == "5"
                assert http.get("/health").status_code == 200
                assert http.get("/ready").status_code == 503
                server.start()
                assert [job["id"] for job in owner.get("/jobs")["items"]] == [str(accepted)]
                owner.submit()
        finally:
            ledger.database.close()
