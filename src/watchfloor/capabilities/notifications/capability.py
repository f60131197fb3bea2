"""What notifications add to the product."""

from datetime import timedelta

from watchfloor.kernel.contract import Capability, DefaultSchedule, EventType, Reaction, Severity

notifications = Capability(
    name="notifications",
    summary="Tell people what happened, once, by email, webhook, Slack and the services that Apprise knows.",
    jobs="jobs",
    settings="settings:NotificationSettings",
    models="models",
    routes="api:routes",
    webhooks="api.webhooks:webhooks",
    open_routes="api:open_routes",
    commands="cli:commands",
    events=(
        EventType(
            name="notifications.health_changed",
            data="schemas.events:HealthChanged",
            permission="notification.read",
            severity=Severity.MEDIUM,
            description="Notifications fare better or worse: `status` is healthy, degraded or unhealthy, `checks` names what fails.",
        ),
        EventType(
            name="channel.disabled",
            data="schemas.events:ChannelDisabled",
            permission="notification.read",
            severity=Severity.HIGH,
            description="A channel failed for good: `channel`, `kind`, `owner`, `reason`.",
        ),
        EventType(
            name="delivery.dead",
            data="schemas.events:DeliveryDead",
            permission="notification.read",
            severity=Severity.MEDIUM,
            description="A message was given up; at most one of these for a channel in an hour: `delivery`, `channel`, `kind`, `reason`.",
        ),
        EventType(
            name="escalation.unreached",
            data="schemas.events:EscalationUnreached",
            permission="notification.read",
            severity=Severity.HIGH,
            description="A step of an escalation reached nobody, so the next one came at once: `escalation`, `step` of `steps`, `notification`.",
        ),
    ),
    reactions=(Reaction(event="*", kind="notifications.route_events", with_events=True),),
    schedules=(
        DefaultSchedule(name="deliver-notifications", kind="notifications.sweep_due", every=timedelta(minutes=1)),
        DefaultSchedule(name="send-digests", kind="notifications.flush_digests", every=timedelta(minutes=1)),
        DefaultSchedule(name="send-groups", kind="notifications.flush_groups", every=timedelta(seconds=30)),
        DefaultSchedule(name="run-escalations", kind="notifications.run_escalations", every=timedelta(seconds=30)),
        DefaultSchedule(name="cleanup-notifications", kind="notifications.cleanup_old_notifications", cron="0 2 * * *"),
        DefaultSchedule(name="notification-health", kind="notifications.monitor_notification_health", every=timedelta(minutes=10)),
        DefaultSchedule(name="notification-statistics", kind="notifications.notification_statistics", cron="0 * * * *"),
    ),
)
