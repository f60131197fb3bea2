"""Monitoring: exporters, agents and collectors."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server, package

SERVERS = (
    Server(
        name="prometheus",
        packages=("prometheus",),
        doors=(Door(name="http", service="http", product="Prometheus", version=package("prometheus")),),
        files={"prometheus.yml": "global:\n  scrape_interval: 1m\n"},
        command=(
            "prometheus --config.file=@here@/prometheus.yml --storage.tsdb.path=@here@/data "
            "--web.listen-address=127.0.0.1:@http@ --log.level=error"
        ),
        account="nobody",
    ),
    Server(
        name="node-exporter",
        packages=("prometheus-node-exporter",),
        doors=(
            Door(
                name="http",
                service="http",
                product="Prometheus Node Exporter",
                version=package("prometheus-node-exporter"),
                also=("Node Exporter",),
            ),
        ),
        command="prometheus-node-exporter --web.listen-address=127.0.0.1:@http@ --log.level=error",
        account="nobody",
    ),
    Server(
        name="alertmanager",
        packages=("prometheus-alertmanager",),
        doors=(
            Door(
                name="http",
                service="http",
                product="Prometheus Alertmanager",
                version=package("prometheus-alertmanager"),
                also=("Alertmanager",),
            ),
        ),
        files={"alertmanager.yml": "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n"},
        command=(
            "prometheus-alertmanager --config.file=@here@/alertmanager.yml --storage.path=@here@/data "
            "--web.listen-address=127.0.0.1:@http@ --cluster.listen-address= --log.level=error"
        ),
        account="nobody",
    ),
    Server(
        name="pushgateway",
        packages=("prometheus-pushgateway",),
        doors=(
            Door(
                name="http",
                service="http",
                product="Prometheus Pushgateway",
                version=package("prometheus-pushgateway"),
                also=("Pushgateway",),
            ),
        ),
        command="prometheus-pushgateway --web.listen-address=127.0.0.1:@http@ --log.level=error",
        account="nobody",
    ),
    Server(
        name="blackbox-exporter",
        packages=("prometheus-blackbox-exporter",),
        doors=(
            Door(
                name="http",
                service="http",
                product="Prometheus Blackbox Exporter",
                also=("Blackbox Exporter",),
                version=package("prometheus-blackbox-exporter"),
            ),
        ),
        command=(
            "prometheus-blackbox-exporter --config.file=/etc/prometheus/blackbox.yml --web.listen-address=127.0.0.1:@http@ "
            "--log.level=error"
        ),
        account="nobody",
    ),
    Server(
        name="munin-node",
        packages=("munin-node",),
        doors=(Door(name="munin", service="munin", product="Munin", version=package("munin-node"), also=("Munin node", "munin-node")),),
        files={
            "munin-node.conf": "log_level 1\nlog_file @here@/munin.log\npid_file @here@/pid\nbackground 0\nsetsid 0\nuser root\ngroup root\nhost 127.0.0.1\nport @munin@\nallow ^127\\.0\\.0\\.1$\n"
        },
        command="munin-node --config @here@/munin-node.conf",
    ),
    Server(
        name="zabbix-agent",
        packages=("zabbix-agent",),
        doors=(Door(name="zabbix", service="zabbix-agent", product="Zabbix agent", also=("Zabbix",), version=package("zabbix-agent")),),
        files={
            "zabbix.conf": "PidFile=@here@/pid\nLogType=console\nServer=127.0.0.1\nListenIP=127.0.0.1\nListenPort=@zabbix@\nHostname=laboratory\n"
        },
        command="zabbix_agentd -f -c @here@/zabbix.conf",
        account="zabbix",
    ),
    Server(
        name="nrpe",
        packages=("nagios-nrpe-server",),
        doors=(Door(name="nrpe", service="nrpe", product="NRPE", tls=True, also=("Nagios NRPE",)),),
        files={
            "nrpe.cfg": "pid_file=@here@/pid\nserver_port=@nrpe@\nserver_address=127.0.0.1\nnrpe_user=nagios\nnrpe_group=nagios\nallowed_hosts=127.0.0.1\n"
        },
        command="nrpe -f -c @here@/nrpe.cfg",
        accounts=(),
    ),
    Server(
        name="monit",
        packages=("monit",),
        doors=(Door(name="http", service="http", product="Monit", version=package("monit")),),
        files={
            "monitrc": "set daemon 60\nset pidfile @here@/pid\nset idfile @here@/id\nset statefile @here@/state\nset httpd port @http@ and use address 127.0.0.1\n allow laboratory:laboratory\n"
        },
        prepare="chmod 600 @here@/monitrc",
        command="monit -I -c @here@/monitrc",
    ),
    Server(
        name="nut",
        packages=("nut-server",),
        doors=(
            Door(
                name="nut",
                service="nut",
                product="Network UPS Tools",
                version=package("nut-server"),
                also=("NUT", "Network UPS Tools upsd"),
            ),
        ),
        files={
            "/etc/nut/nut.conf": "MODE=standalone\n",
            "/etc/nut/upsd.conf": "LISTEN 127.0.0.1 @nut@\n",
            "/etc/nut/upsd.users": "\n",
            "/etc/nut/ups.conf": "[ups]\ndriver = dummy-ups\nport = ups.dev\n",
        },
        prepare="mkdir -p /run/nut && chown nut /run/nut && chown -R root:nut /etc/nut",
        command="upsd -D",
    ),
    Server(
        name="gpsd",
        packages=("gpsd",),
        doors=(Door(name="gpsd", service="gpsd", product="gpsd", version=package("gpsd")),),
        command="gpsd -N -n -S @gpsd@ -F @here@/control",
    ),
)
