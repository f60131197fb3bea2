"""Chat, voice, music and news."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server, package

SERVERS = (
    Server(
        name="inspircd",
        packages=("inspircd",),
        doors=(Door(name="irc", service="irc", product="InspIRCd"),),
        files={
            "inspircd.conf": """<server name="irc.laboratory.test" description="laboratory" network="Laboratory" id="97K">
<admin name="nobody" nick="nobody" email="nobody@laboratory.test">
<bind address="127.0.0.1" port="@irc@" type="clients">
<connect name="main" allow="*" maxchans="20" timeout="20" pingfreq="120" hardsendq="1M" softsendq="10k" recvq="10k" localmax="100" globalmax="100" resolvehostnames="no" useident="no">
<pid file="@here@/pid">
<path datadir="@here@" logdir="@here@" runtimedir="@here@">
""",
        },
        command="inspircd --nofork --config=@here@/inspircd.conf",
        account="irc",
    ),
    Server(
        name="ircd-hybrid",
        packages=("ircd-hybrid",),
        doors=(Door(name="irc", service="irc", product="ircd-hybrid", also=("Hybrid ircd", "Hybrid")),),
        files={
            "ircd.conf": """serverinfo { name = "irc.laboratory.test"; description = "laboratory"; network_name = "Laboratory"; network_description = "laboratory"; default_max_clients = 20; };
admin { name = "nobody"; description = "nobody"; email = "<nobody@laboratory.test>"; };
class { name = "users"; ping_time = 90 seconds; number_per_ip_local = 20; number_per_ip_global = 20; max_number = 20; sendq = 100 kbytes; };
listen { host = "127.0.0.1"; port = @irc@; };
auth { user = "*@*"; class = "users"; };
""",
        },
        command="ircd-hybrid -foreground -configfile @here@/ircd.conf -logfile @here@/irc.log -pidfile @here@/pid",
        account="irc",
    ),
    Server(
        name="ngircd",
        packages=("libident",),
        unpacked=("ngircd",),
        doors=(Door(name="irc", service="irc", product="ngIRCd"),),
        files={
            "ngircd.conf": "[Global]\nName = irc.laboratory.test\nInfo = laboratory\nListen = 127.0.0.1\nPorts = @irc@\nServerUID = nobody\nServerGID = nogroup\n[Options]\nPAM = no\nIdent = no\nDNS = no\n"
        },
        command="ngircd -n -f @here@/ngircd.conf",
    ),
    Server(
        name="bitlbee",
        packages=("bitlbee",),
        doors=(Door(name="irc", service="irc", product="BitlBee"),),
        files={
            "bitlbee.conf": "[settings]\nRunMode = ForkDaemon\nUser = nobody\nDaemonInterface = 127.0.0.1\nDaemonPort = @irc@\nConfigDir = @here@\n"
        },
        command="bitlbee -F -n -c @here@/bitlbee.conf -P @here@/pid",
    ),
    Server(
        name="prosody",
        packages=("prosody",),
        doors=(
            Door(name="c2s", service="xmpp", product="Prosody"),
            Door(name="s2s", service="xmpp", product="Prosody"),
            Door(name="http", service="http", product="Prosody"),
        ),
        files={
            "prosody.cfg.lua": """data_path = "@here@/data"
pidfile = "@here@/pid"
interfaces = { "127.0.0.1" }
c2s_ports = { @c2s@ }
s2s_ports = { @s2s@ }
http_ports = { @http@ }
https_ports = {}
modules_enabled = { "saslauth", "disco", "version", "uptime", "bosh", "dialback" }
modules_disabled = { "tls", "s2s_auth_certs" }
c2s_require_encryption = false
s2s_require_encryption = false
log = { warn = "*console" }
VirtualHost "localhost"
""",
        },
        prepare="mkdir -p @here@/data && chown -R prosody @here@",
        command="prosody -F --config @here@/prosody.cfg.lua",
        account="prosody:prosody",
    ),
    Server(
        name="ejabberd",
        packages=("ejabberd",),
        doors=(
            Door(name="epmd", service="epmd", product="Erlang Port Mapper Daemon", also=("epmd",)),
            Door(name="c2s", service="xmpp", product="ejabberd"),
            Door(name="http", service="http", product="ejabberd"),
        ),
        files={
            "ejabberd.yml": """hosts:
  - localhost
loglevel: error
listen:
  -
    port: @c2s@
    ip: "127.0.0.1"
    module: ejabberd_c2s
  -
    port: @http@
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      /admin: ejabberd_web_admin
modules:
  mod_disco: {}
""",
        },
        prepare="mkdir -p @here@/database @here@/log && chown -R ejabberd @here@ && ERL_EPMD_PORT=@epmd@ epmd -daemon -address 127.0.0.1",
        command=(
            "erl -noinput -sname ejabberd@localhost -mnesia dir '\"@here@/database\"' -ejabberd config '\"@here@/ejabberd.yml\"' "
            "log_path '\"@here@/log/ejabberd.log\"' -start_epmd false -s ejabberd +S 1:1"
        ),
        account="ejabberd:ejabberd",
        environment={
            "ERL_EPMD_PORT": "@epmd@",
            "ERL_LIBS": "/usr/lib/x86_64-linux-gnu",
            "EJABBERD_CONFIG_PATH": "@here@/ejabberd.yml",
            "SPOOL_DIR": "@here@/database",
        },
        seconds=90,
    ),
    Server(
        name="mumble",
        packages=("mumble-server",),
        doors=(Door(name="mumble", service="mumble", product="Murmur", tls=True, also=("Mumble", "Mumble server")),),
        files={
            "mumble.ini": "database=@here@/mumble.sqlite\nhost=127.0.0.1\nport=@mumble@\nsslCert=@cert@\nsslKey=@key@\nbonjour=false\nlogfile=\n"
        },
        command="murmurd -fg -ini @here@/mumble.ini",
        account="mumble-server",
    ),
    Server(
        name="icecast2",
        packages=("icecast2",),
        doors=(
            Door(name="http", service="http", product="Icecast", version=package("icecast2"), also=("Icecast streaming media server",)),
        ),
        files={
            "icecast.xml": """<icecast><limits><clients>20</clients><sources>2</sources></limits>
<authentication><source-password>laboratory</source-password><admin-user>admin</admin-user><admin-password>laboratory</admin-password></authentication>
<hostname>localhost</hostname><listen-socket><port>@http@</port><bind-address>127.0.0.1</bind-address></listen-socket>
<paths><basedir>/usr/share/icecast2</basedir><logdir>@here@</logdir><webroot>/usr/share/icecast2/web</webroot><adminroot>/usr/share/icecast2/admin</adminroot></paths>
<logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog><loglevel>1</loglevel></logging></icecast>
""",
        },
        command="icecast2 -c @here@/icecast.xml",
        account="nobody",
    ),
    Server(
        name="mpd",
        packages=("mpd",),
        doors=(Door(name="mpd", service="mpd", product="Music Player Daemon", also=("MPD",)),),
        files={
            "mpd.conf": 'bind_to_address "127.0.0.1"\nport "@mpd@"\nlog_file "@here@/mpd.log"\ndb_file "@here@/db"\nmusic_directory "/srv"\naudio_output {\n type "null"\n name "null"\n}\nzeroconf_enabled "no"\n'
        },
        command="mpd --no-daemon @here@/mpd.conf",
        account="nobody",
    ),
    Server(
        name="dictd",
        packages=("dictd",),
        doors=(Door(name="dict", service="dict", product="dictd", version=package("dictd"), also=("DICT server",)),),
        files={
            "dictd.conf": 'access { allow "*" }\ndatabase words { data "@here@/words.dict" index "@here@/words.index" }\n',
            "words.dict": "laboratory\n",
            "words.index": "laboratory\tA\tL\n",
        },
        command="dictd -d nodetach --listen-to 127.0.0.1 -p @dict@ -c @here@/dictd.conf",
        account="nobody",
    ),
)
