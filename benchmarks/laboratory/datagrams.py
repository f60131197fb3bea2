"""Servers that are asked over UDP."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server

SERVERS = (
    Server(
        name="snmpd",
        packages=("snmpd",),
        doors=(Door(name="snmp", service="snmp", product="Net-SNMP", protocol="udp"),),
        files={"snmpd.conf": "agentAddress udp:127.0.0.1:@snmp@\nrocommunity public 127.0.0.1\n"},
        command="snmpd -f -Lo -C -c @here@/snmpd.conf -p @here@/pid",
    ),
    Server(
        name="chrony",
        packages=("chrony",),
        doors=(Door(name="ntp", service="ntp", product="", protocol="udp"),),
        files={"chrony.conf": "port @ntp@\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 10\ncmdport 0\n"},
        prepare="mkdir -p /run/chrony && chown -R _chrony @here@",
        command="chronyd -d -x -U -u root -f @here@/chrony.conf",
    ),
    Server(
        name="freeradius",
        packages=("freeradius",),
        doors=(Door(name="radius", service="radius", product="FreeRADIUS", protocol="udp"),),
        files={
            "radiusd.conf": """prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = @here@
run_dir = @here@
logdir = @here@
pidfile = @here@/pid
max_request_time = 5
security { }
thread pool { start_servers = 1
 max_servers = 1 }
client local { ipaddr = 127.0.0.1
 secret = laboratory }
modules { }
server default {
 listen { type = auth
  ipaddr = 127.0.0.1
  port = @radius@ }
 authorize { }
}
""",
            "dictionary": "$INCLUDE /usr/share/freeradius/dictionary\n",
        },
        command="freeradius -f -l stdout -d @here@ -n radiusd",
    ),
)
