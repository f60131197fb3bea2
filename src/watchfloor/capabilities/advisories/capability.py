"""What advisories adds to the product."""

from datetime import timedelta

from watchfloor.kernel.contract import Capability, DefaultSchedule, EventType, Reaction, Severity

advisories = Capability(
    name="advisories",
    summary="Know what is dangerous today, and which of it you expose.",
    jobs="jobs",
    routes="api:routes",
    faces="api.faces:routes",
    commands="cli:commands",
    section="report:section",
    settings="settings:AdvisorySettings",
    events=(
        EventType(
            name="advisories.updated",
            data="schemas.events:AdvisoriesUpdated",
            permission="finding.read",
            description="Advisories changed: `added`, `changed` and `removed` count them.",
        ),
        EventType(
            name="advisories.source_refused",
            data="schemas.events:SourceTold",
            permission="finding.read",
            severity=Severity.MEDIUM,
            description="A source did not answer, or its answer was refused: `reason`.",
        ),
        EventType(
            name="advisories.source_recovered",
            data="schemas.events:SourceTold",
            permission="finding.read",
            description="A source that had failed answers again.",
        ),
        EventType(
            name="advisories.watch_hit",
            data="schemas.events:WatchHit",
            permission="finding.read",
            description="Something happened that a watch is for: which watch, which CVE, what it was and is now, which of your assets match.",
        ),
        EventType(
            name="advisories.counters_drifted",
            data="schemas.events:CountersDrifted",
            permission="finding.read",
            severity=Severity.MEDIUM,
            description="Counters were not what a recount says and were put right: a mistake of ours, please report it.",
        ),
        EventType(
            name="match.new",
            data="schemas.events:MatchBand",
            permission="finding.read",
            severity=Severity.MEDIUM,
            description="An advisory meets assets that it did not meet before; `assets` says which.",
        ),
        EventType(
            name="match.closed",
            data="schemas.events:MatchClosed",
            permission="finding.read",
            description="An advisory does not meet assets any more; `reason` says why.",
        ),
        EventType(
            name="match.band_changed",
            data="schemas.events:MatchBand",
            permission="finding.read",
            description="The band of matches changed from `old` to `new`.",
        ),
        EventType(
            name="match.confidence_raised",
            data="schemas.events:MatchConfidence",
            permission="finding.read",
            description="Candidates are sure enough to be findings now.",
        ),
    ),
    reactions=(
        # What a scan learned can be read ten seconds later.
        Reaction(event="scans.finished", kind="advisories.match", delay=timedelta(seconds=15)),
        Reaction(event="advisories.updated", kind="advisories.match", delay=timedelta(seconds=15)),
        # Not at once: matching comes first, and what it finds is told as well.
        Reaction(event="advisories.updated", kind="advisories.watch", delay=timedelta(minutes=2)),
    ),
    schedules=(
        DefaultSchedule(name="update-vulnerabilities", kind="advisories.update_vulnerabilities", every=timedelta(hours=2)),
        DefaultSchedule(name="sync-nvd", kind="advisories.sync_nvd_updates", every=timedelta(hours=6)),
        DefaultSchedule(name="match-advisories", kind="advisories.match", every=timedelta(minutes=10)),
        # What a CNA's words mean is learned anew each week, which changes matches of advisories that did not change.
        DefaultSchedule(name="match-everything", kind="advisories.match", cron="0 6 * * 0", arguments={"full": True}),
        DefaultSchedule(name="clean-cache", kind="advisories.clean_cache", cron="0 3 * * *"),
        DefaultSchedule(name="update-stats", kind="advisories.update_statistics", every=timedelta(minutes=15)),
        DefaultSchedule(name="watch-advisories", kind="advisories.watch", every=timedelta(minutes=15)),
        DefaultSchedule(name="reconcile-advisories", kind="advisories.reconcile", cron="0 4 * * 0"),
    ),
)
