"""What reports adds to the product."""

from watchfloor.kernel.contract import Capability, DefaultSchedule, EventType, Severity

reports = Capability(
    name="reports",
    summary="Write reports about scans, assets and the organisation, in every format from one snapshot.",
    jobs="jobs",
    routes="api:routes",
    faces="api.reports:scan_routes",
    commands="cli:commands",
    holds="queries.ending:list_held",
    settings="settings:ReportSettings",
    section="report:section",
    sections=("report:written",),
    boxes=(
        "engine.to_pdf.part",
        "engine.to_pdf.merge",
        "engine.to_html",
        "engine.to_json",
        "engine.to_csv",
        "engine.to_xlsx",
        "engine.to_sarif",
        "engine.to_cyclonedx",
        "engine.to_openvex",
        "engine.to_csaf",
    ),
    events=(
        EventType(
            name="reports.ready",
            data="schemas.events:ReportReady",
            permission="report.read",
            description="A report's file is stored: `report`, `format`, `scan`.",
        ),
        EventType(
            name="reports.failed",
            data="schemas.events:ReportFailed",
            permission="report.read",
            severity=Severity.MEDIUM,
            description="A format could not be rendered: `reason` says why.",
        ),
        EventType(
            name="reports.short_of_room",
            data="schemas.events:ReportsShortOfRoom",
            permission="report.read",
            severity=Severity.HIGH,
            description="A disk has too little room for reports, which wait: `reason` says where. Told once an hour.",
        ),
    ),
    schedules=(
        DefaultSchedule(name="cleanup-reports", kind="reports.cleanup_old_reports", cron="0 3 * * *"),
        DefaultSchedule(name="weekly-report", kind="reports.weekly_vulnerability_report", cron="0 6 * * 1"),
    ),
)
