"""Remote shells, desktops and tunnels."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server, package, says

OPENSSH = says("ssh", "-V", pattern=r"OpenSSH_(\d[\w.]*)")

SERVERS = (
    Server(
        name="openssh",
        packages=("openssh-server",),
        doors=(
            Door(name="ssh", service="ssh", product="OpenSSH", version=OPENSSH),
            Door(name="ssh6", service="ssh", product="OpenSSH", version=OPENSSH, family=6),
        ),
        files={
            "sshd_config": "HostKey @here@/host\nListenAddress 127.0.0.1:@ssh@\nListenAddress [::1]:@ssh6@\nPidFile @here@/pid\nUsePAM no\nStrictModes no\n"
        },
        prepare="mkdir -p /run/sshd && ssh-keygen -q -t ed25519 -N '' -f @here@/host && chown root @here@/*",
        command="/usr/sbin/sshd -D -e -f @here@/sshd_config",
    ),
    Server(
        name="dropbear",
        packages=("dropbear-bin",),
        doors=(Door(name="ssh", service="ssh", product="Dropbear", version=package("dropbear-bin")),),
        prepare="dropbearkey -t ed25519 -f @here@/host >/dev/null",
        command="dropbear -F -E -r @here@/host -p 127.0.0.1:@ssh@ -P @here@/pid",
    ),
    Server(
        name="tinyssh",
        packages=("tinysshd", "socat"),
        doors=(Door(name="ssh", service="ssh", product="TinySSH"),),
        prepare="tinysshd-makekey -q @here@/keys",
        command="socat TCP-LISTEN:@ssh@,bind=127.0.0.1,reuseaddr,fork 'EXEC:tinysshd @here@/keys'",
    ),
    Server(
        name="telnetd",
        packages=("inetutils-telnetd", "socat"),
        doors=(Door(name="telnet", service="telnet", product="", also=()),),
        command="socat TCP-LISTEN:@telnet@,bind=127.0.0.1,reuseaddr,fork 'EXEC:/usr/sbin/telnetd -h'",
    ),
    Server(
        name="tigervnc",
        packages=("tigervnc-standalone-server",),
        doors=(Door(name="vnc", service="vnc", product=""),),
        command=("Xtigervnc :71 -rfbport @vnc@ -localhost -SecurityTypes None -geometry 320x240 -depth 16 -nolisten unix -nolisten tcp"),
        account="nobody",
    ),
    Server(
        name="tightvnc",
        packages=("tightvncserver", "xfonts-base"),
        doors=(Door(name="vnc", service="vnc", product="TightVNC"),),
        command=("Xtightvnc :72 -rfbport @vnc@ -localhost -geometry 320x240 -depth 16 -nolisten tcp -fp /usr/share/fonts/X11/misc"),
        account="nobody",
    ),
    Server(
        name="xrdp",
        packages=("xrdp",),
        doors=(Door(name="rdp", service="ms-wbt-server", product="xrdp"),),
        files={
            "xrdp.ini": "[Globals]\nini_version=1\nport=tcp://127.0.0.1:@rdp@\nsecurity_layer=negotiate\ncertificate=@cert@\nkey_file=@key@\nssl_protocols=TLSv1.2, TLSv1.3\n[Logging]\nEnableConsole=true\nLogFile=@here@/xrdp.log\n",
        },
        prepare="mkdir -p /run/xrdp",
        command="xrdp --nodaemon --config @here@/xrdp.ini",
    ),
    Server(
        name="tor",
        packages=("tor",),
        doors=(
            Door(name="socks", service="socks", product="Tor"),
            Door(name="control", service="tor-control", product="Tor"),
        ),
        files={"torrc": ""},
        command=(
            "tor -f @here@/torrc --DataDirectory @here@/data --SocksPort 127.0.0.1:@socks@ --ControlPort 127.0.0.1:@control@ "
            "--DisableNetwork 0 --CookieAuthentication 1 --Log 'err stderr'"
        ),
        account="debian-tor",
    ),
    Server(
        name="dante",
        packages=("dante-server",),
        doors=(Door(name="socks", service="socks", product=""),),
        files={
            "danted.conf": """logoutput: stderr
internal: 127.0.0.1 port = @socks@
external: 127.0.0.1
clientmethod: none
socksmethod: none
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 }
""",
        },
        command="danted -f @here@/danted.conf",
    ),
    Server(
        name="microsocks",
        packages=("microsocks",),
        doors=(Door(name="socks", service="socks", product=""),),
        command="microsocks -i 127.0.0.1 -p @socks@",
        account="nobody",
    ),
    Server(
        name="stunnel",
        packages=("busybox", "stunnel4"),
        doors=(Door(name="tls", service="http", product="BusyBox httpd", tls=True, also=("BusyBox",)),),
        files={
            "stunnel.conf": "foreground = yes\nsetuid = nobody\npid =\n[inside]\naccept = 127.0.0.1:@tls@\ncert = @cert@\nkey = @key@\nexec = /usr/bin/busybox\nexecArgs = busybox httpd -i -h @here@/www\n",
            "www/index.html": "laboratory\n",
        },
        command="stunnel @here@/stunnel.conf",
    ),
    Server(
        name="nuttcp",
        packages=("nuttcp",),
        doors=(Door(name="nuttcp", service="nuttcp", product="nuttcp", version=package("nuttcp")),),
        command="nuttcp -S --nofork -4 -P @nuttcp@",
        account="nobody",
    ),
    Server(
        name="distcc",
        packages=("distcc",),
        doors=(Door(name="distcc", service="distccd", product="distcc", also=("distccd",)),),
        command="distccd --no-detach --daemon --allow 127.0.0.1 --listen 127.0.0.1 --port @distcc@ --log-stderr --jobs 1",
        account="distccd",
    ),
)
