"""What stored files add to the product."""

from watchfloor.kernel.contract import Capability, DefaultSchedule

artifacts = Capability(
    name="artifacts",
    summary="Stored files: reports and exports, sealed.",
    jobs="jobs",
    routes="api:routes",
    open_routes="api:open_routes",
    settings="settings:ArtifactSettings",
    models="models",
    schedules=(DefaultSchedule(name="daily-sweep-of-artifacts", kind="artifacts.sweep", cron="40 3 * * *"),),
)
