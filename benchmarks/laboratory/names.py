"""Name servers, asked over TCP."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server, package, says

BIND = says("named", "-v", pattern=r"BIND ([\d.]+)")

SERVERS = (
    Server(
        name="bind9",
        packages=("bind9",),
        doors=(
            Door(name="dns", service="domain", product="ISC BIND", version=BIND, also=("BIND",)),
            Door(name="dns_udp", service="domain", product="ISC BIND", version=BIND, also=("BIND",), protocol="udp", beside="dns"),
            Door(name="dns6", service="domain", product="ISC BIND", version=BIND, also=("BIND",), family=6),
        ),
        files={
            "named.conf": """options {
    directory "@here@";
    pid-file none;
    listen-on port @dns@ { 127.0.0.1; };
    listen-on-v6 port @dns6@ { ::1; };
    recursion no;
    dnssec-validation no;
};
controls { };
""",
        },
        prepare="chown -R bind @here@",
        command="named -g -u bind -n 1 -c @here@/named.conf",
    ),
    Server(
        name="bind9-quiet",
        packages=("bind9",),
        doors=(Door(name="dns", service="domain", product=""),),
        files={
            "named.conf": """options {
    directory "@here@";
    pid-file none;
    listen-on port @dns@ { 127.0.0.1; };
    listen-on-v6 { none; };
    recursion no;
    dnssec-validation no;
    version "not told";
};
controls { };
""",
        },
        prepare="chown -R bind @here@",
        command="named -g -u bind -n 1 -c @here@/named.conf",
    ),
    Server(
        name="dnsmasq",
        packages=("dnsmasq-base",),
        doors=(Door(name="dns", service="domain", product="dnsmasq", version=package("dnsmasq-base")),),
        command=(
            "dnsmasq -k -C /dev/null -p @dns@ --listen-address=127.0.0.1 --bind-interfaces --no-resolv --no-hosts --user=nobody "
            "--log-facility=-"
        ),
    ),
    Server(
        name="unbound",
        packages=("unbound",),
        doors=(Door(name="dns", service="domain", product="Unbound", version=package("unbound")),),
        files={
            "unbound.conf": """server:
    interface: 127.0.0.1
    port: @dns@
    username: unbound
    chroot: ""
    directory: "@here@"
    pidfile: "@here@/pid"
    use-syslog: no
    do-daemonize: no
    do-not-query-localhost: no
remote-control:
    control-enable: no
""",
        },
        command="unbound -d -c @here@/unbound.conf",
    ),
    Server(
        name="knot",
        packages=("knot",),
        doors=(Door(name="dns", service="domain", product="Knot DNS", version=package("knot"), also=("Knot",)),),
        files={
            "knot.conf": """server:
    rundir: @here@
    listen: 127.0.0.1@AT@@dns@
    user: knot:knot
database:
    storage: @here@
log:
  - target: stderr
    any: warning
""",
        },
        prepare="sed -i 's/@AT@/@/' @here@/knot.conf",
        command="knotd -c @here@/knot.conf",
        account="knot:knot",
    ),
    Server(
        name="nsd",
        packages=("nsd",),
        doors=(Door(name="dns", service="domain", product="NSD", version=package("nsd")),),
        files={
            "nsd.conf": """server:
    ip-address: 127.0.0.1
    port: @dns@
    username: nsd
    database: ""
    zonesdir: "@here@"
    pidfile: "@here@/pid"
    xfrdfile: "@here@/xfrd"
    zonelistfile: "@here@/zones"
    server-count: 1
remote-control:
    control-enable: no
""",
        },
        command="nsd -d -c @here@/nsd.conf",
    ),
    Server(
        name="pdns",
        packages=("pdns-server", "pdns-backend-bind"),
        doors=(
            Door(name="dns", service="domain", product="PowerDNS Authoritative Server", version=package("pdns-server"), also=("PowerDNS",)),
        ),
        files={
            "pdns.conf": "launch=bind\nbind-config=@here@/bind.conf\nlocal-address=127.0.0.1\nlocal-port=@dns@\nsetuid=pdns\nsetgid=pdns\nsocket-dir=@here@\nversion-string=full\n",
            "bind.conf": "",
        },
        command="pdns_server --daemon=no --guardian=no --config-dir=@here@",
    ),
    Server(
        name="pdns-recursor",
        packages=("pdns-recursor",),
        doors=(Door(name="dns", service="domain", product="PowerDNS Recursor", version=package("pdns-recursor"), also=("PowerDNS",)),),
        files={"recursor.conf": "local-address=127.0.0.1\nlocal-port=@dns@\nsocket-dir=@here@\nthreads=1\ndnssec=off\n"},
        command="pdns_recursor --daemon=no --config-dir=@here@",
        account="pdns:pdns",
    ),
)
