"""Proxies, caches and balancers for the web."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server, package, says

SERVERS = (
    Server(
        name="haproxy",
        packages=("haproxy",),
        doors=(
            Door(name="http", service="http", product="HAProxy"),
            Door(name="stats", service="http", product="HAProxy", version=package("haproxy")),
        ),
        files={
            "haproxy.cfg": """defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
frontend front
    bind 127.0.0.1:@http@
    default_backend nowhere
backend nowhere
    server one 127.0.0.1:1
listen stats
    bind 127.0.0.1:@stats@
    stats enable
    stats uri /
    stats show-node
""",
        },
        command="haproxy -db -f @here@/haproxy.cfg",
        account="haproxy:haproxy",
    ),
    Server(
        name="squid",
        packages=("squid",),
        doors=(Door(name="proxy", service="http-proxy", product="Squid", version=package("squid")),),
        files={
            "squid.conf": """http_port 127.0.0.1:@proxy@
http_access deny all
cache deny all
pid_filename @here@/pid
access_log none
cache_log @here@/cache.log
coredump_dir @here@
visible_hostname laboratory
pinger_enable off
""",
        },
        command="squid -N -f @here@/squid.conf",
        account="proxy:proxy",
    ),
    Server(
        name="varnish",
        packages=("varnish",),
        doors=(Door(name="http", service="http", product="Varnish"), Door(name="cli", service="varnish-cli", product="Varnish")),
        files={"default.vcl": 'vcl 4.0;\nbackend default { .host = "127.0.0.1"; .port = "1"; }\n', "secret": "laboratory\n"},
        prepare="mkdir -p /run/varnish && chown vcache:varnish /run/varnish @here@",
        command=(
            "varnishd -F -j none -n @here@/state -f @here@/default.vcl -a 127.0.0.1:@http@ -T 127.0.0.1:@cli@ -S @here@/secret "
            "-s malloc,16m"
        ),
        account="vcache:varnish",
    ),
    Server(
        name="trafficserver",
        packages=("trafficserver",),
        doors=(
            Door(
                name="proxy",
                service="http-proxy",
                product="Apache Traffic Server",
                version=says("traffic_server", "-V", pattern=r"Traffic Server (\d[\d.]*)"),
                also=("ATS", "Traffic Server"),
            ),
        ),
        prepare=(
            "sed -i '/server_ports/d;/admin.user_id/d;/ram_cache.size/d' /etc/trafficserver/records.config && "
            "printf 'CONFIG proxy.config.http.server_ports STRING @proxy@:ip-in=127.0.0.1\\nCONFIG proxy.config.admin.user_id STRING #-1\\n"
            "CONFIG proxy.config.cache.ram_cache.size INT 8388608\\n' >> /etc/trafficserver/records.config && echo 'volume=none' > /dev/null && "
            "mkdir -p /run/trafficserver /var/cache/trafficserver /var/log/trafficserver && chown -R trafficserver /run/trafficserver /var/cache/trafficserver "
            "/var/log/trafficserver /etc/trafficserver"
        ),
        command="traffic_server",
        account="trafficserver:trafficserver",
    ),
    Server(
        name="tinyproxy",
        packages=("tinyproxy",),
        doors=(Door(name="proxy", service="http-proxy", product="Tinyproxy", version=package("tinyproxy")),),
        files={"tinyproxy.conf": "Port @proxy@\nListen 127.0.0.1\nTimeout 60\nLogLevel Error\nMaxClients 20\n"},
        command="tinyproxy -d -c @here@/tinyproxy.conf",
        account="nobody",
    ),
    Server(
        name="privoxy",
        packages=("privoxy",),
        doors=(Door(name="proxy", service="http-proxy", product="Privoxy"),),
        files={"privoxy.conf": "confdir /etc/privoxy\nlogdir @here@\nlisten-address 127.0.0.1:@proxy@\n"},
        command="privoxy --no-daemon @here@/privoxy.conf",
        account="privoxy",
    ),
    Server(
        name="hitch",
        packages=("hitch",),
        doors=(Door(name="tls", service="tls", product="", tls=True),),
        files={"hitch.conf": 'frontend = "[127.0.0.1]:@tls@"\nbackend = "[127.0.0.1]:1"\nworkers = 1\npem-file = "@both@"\n'},
        command="hitch --config=@here@/hitch.conf --user=nobody",
    ),
)
