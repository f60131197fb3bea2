"""File transfer, file sharing, printing and version control."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server, package

SAMBA = """[global]
server role = standalone server
interfaces = lo
bind interfaces only = yes
smb ports = @smb@
private dir = @here@/private
lock directory = @here@/lock
state directory = @here@/state
cache directory = @here@/cache
pid directory = @here@/pid
ncalrpc dir = @here@/ncalrpc
log file = @here@/samba.log
disable netbios = yes
map to guest = Bad User
load printers = no
[public]
path = @here@/public
guest ok = yes
"""

SERVERS = (
    Server(
        name="vsftpd",
        packages=("vsftpd",),
        doors=(Door(name="ftp", service="ftp", product="vsftpd", version=package("vsftpd")),),
        files={
            "vsftpd.conf": "background=NO\nlisten=YES\nlisten_address=127.0.0.1\nlisten_port=@ftp@\nanonymous_enable=YES\nanon_root=/srv\nsecure_chroot_dir=/srv\nseccomp_sandbox=NO\n",
        },
        prepare="chown root @here@/vsftpd.conf",
        command="vsftpd @here@/vsftpd.conf",
    ),
    Server(
        name="vsftpd-tls",
        packages=("vsftpd",),
        doors=(Door(name="ftps", service="ftp", product="vsftpd", version=package("vsftpd"), tls=True),),
        files={
            "vsftpd.conf": (
                "background=NO\nlisten=YES\nlisten_address=127.0.0.1\nlisten_port=@ftps@\nanonymous_enable=NO\nlocal_enable=YES\nsecure_chroot_dir=/srv\nseccomp_sandbox=NO\n"
                "ssl_enable=YES\nimplicit_ssl=YES\nrsa_cert_file=@cert@\nrsa_private_key_file=@key@\n"
            ),
        },
        prepare="chown root @here@/vsftpd.conf",
        command="vsftpd @here@/vsftpd.conf",
    ),
    Server(
        name="vsftpd6",
        packages=("vsftpd",),
        doors=(Door(name="ftp", service="ftp", product="vsftpd", version=package("vsftpd"), family=6),),
        files={
            "vsftpd.conf": "background=NO\nlisten=NO\nlisten_ipv6=YES\nlisten_address6=::1\nlisten_port=@ftp@\nanonymous_enable=YES\nanon_root=/srv\nsecure_chroot_dir=/srv\nseccomp_sandbox=NO\n",
        },
        prepare="chown root @here@/vsftpd.conf",
        command="vsftpd @here@/vsftpd.conf",
    ),
    Server(
        name="proftpd",
        packages=("libhiredis0.14", "libmemcached11", "libmemcachedutil2", "libpcre2-posix3", "libncursesw6"),
        unpacked=("proftpd-core",),
        accounts=("proftpd",),
        doors=(Door(name="ftp", service="ftp", product="ProFTPD"),),
        files={
            "proftpd.conf": """ServerName "laboratory"
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
Port @ftp@
User nobody
Group nogroup
ModulePath /usr/lib/proftpd
PidFile @here@/pid
ScoreboardFile @here@/scoreboard
DelayEngine off
WtmpLog off
AuthOrder mod_auth_unix.c
""",
        },
        prepare="mkdir -p /run/proftpd",
        command="proftpd -n -q -c @here@/proftpd.conf",
    ),
    Server(
        name="pure-ftpd",
        packages=("libsodium23",),
        unpacked=("pure-ftpd", "pure-ftpd-common"),
        doors=(Door(name="ftp", service="ftp", product="Pure-FTPd"),),
        command="pure-ftpd -4 -S 127.0.0.1,@ftp@ -E",
    ),
    Server(
        name="samba",
        packages=("samba",),
        doors=(Door(name="smb", service="microsoft-ds", product="Samba", also=("Samba smbd",)),),
        files={"smb.conf": SAMBA},
        prepare="cd @here@ && mkdir -p private lock state cache pid ncalrpc public",
        command="smbd --foreground --no-process-group --debug-stdout -s @here@/smb.conf",
    ),
    Server(
        name="rsync",
        packages=("rsync",),
        doors=(Door(name="rsync", service="rsync", product="rsync"),),
        files={"rsyncd.conf": "use chroot = no\n[public]\npath = /srv\n"},
        command="rsync --daemon --no-detach --address=127.0.0.1 --port=@rsync@ --config=@here@/rsyncd.conf",
        account="nobody",
    ),
    Server(
        name="cups",
        packages=("cups-daemon",),
        doors=(Door(name="ipp", service="ipp", product="CUPS", version=package("cups-daemon", r"(\d+\.\d+)")),),
        files={
            "cupsd.conf": "Listen 127.0.0.1:@ipp@\nBrowsing Off\nDefaultAuthType Basic\nWebInterface Yes\n<Location />\nOrder allow,deny\nAllow from all\n</Location>\n",
            "cups-files.conf": (
                "ServerRoot @here@\nCacheDir @here@/cache\nStateDir @here@/state\nRequestRoot @here@/spool\nTempDir @here@/tmp\nAccessLog stderr\nErrorLog stderr\nPageLog stderr\n"
                "DocumentRoot /usr/share/cups/doc-root\n"
            ),
        },
        prepare="mkdir -p @here@/cache @here@/state/certs @here@/spool @here@/tmp && chown -R root @here@",
        command="cupsd -f -c @here@/cupsd.conf -s @here@/cups-files.conf",
    ),
    Server(
        name="svnserve",
        packages=("subversion",),
        doors=(Door(name="svn", service="svn", product="Subversion", also=("svnserve",)),),
        prepare="svnadmin create @here@/repository && chown -R nobody @here@",
        command="svnserve -d --foreground --listen-host 127.0.0.1 --listen-port @svn@ -r @here@",
        account="nobody",
    ),
    Server(
        name="git-daemon",
        packages=("git",),
        doors=(Door(name="git", service="git", product="Git", also=("git-daemon",)),),
        prepare="git init -q --bare @here@/public.git && chown -R nobody @here@",
        command="git daemon --listen=127.0.0.1 --port=@git@ --base-path=@here@ --export-all --reuseaddr",
        account="nobody",
    ),
    Server(
        name="nbd",
        packages=("nbd-server",),
        doors=(Door(name="nbd", service="nbd", product="NBD", also=("nbd-server", "Network Block Device")),),
        files={
            "nbd.conf": "[generic]\nport = @nbd@\nlistenaddr = 127.0.0.1\nallowlist = true\n[disk]\nexportname = @here@/disk\n",
            "disk": "laboratory" * 1000,
        },
        command="nbd-server -C @here@/nbd.conf",
        account="nobody",
    ),
    Server(
        name="minidlna",
        packages=("minidlna",),
        doors=(Door(name="http", service="http", product="MiniDLNA", version=package("minidlna"), also=("MiniDLNA", "ReadyMedia")),),
        files={
            "minidlna.conf": "port=@http@\nnetwork_interface=lo\nmedia_dir=@here@/media\ndb_dir=@here@/db\nlog_dir=@here@\ninotify=no\n"
        },
        prepare="mkdir -p @here@/media @here@/db && chown -R nobody @here@",
        command="minidlnad -S -f @here@/minidlna.conf -P @here@/pid",
        account="nobody",
    ),
    Server(
        name="transmission",
        packages=("transmission-daemon",),
        doors=(Door(name="http", service="http", product="Transmission", also=("Transmission BitTorrent management httpd",)),),
        command=(
            "transmission-daemon -f --config-dir @here@ --port @http@ --rpc-bind-address 127.0.0.1 --bind-address-ipv4 127.0.0.1 "
            "--bind-address-ipv6 ::1 --no-portmap --no-dht --no-lpd --no-utp"
        ),
        account="nobody",
    ),
    Server(
        name="aria2",
        packages=("aria2",),
        doors=(Door(name="http", service="http", product="aria2", also=("aria2 JSON-RPC",)),),
        command="aria2c --enable-rpc --rpc-listen-port=@http@ --no-conf --enable-dht=false --dir=@here@",
        account="nobody",
    ),
    Server(
        name="docker-registry",
        packages=("docker-registry",),
        doors=(Door(name="http", service="http", product="Docker Registry"),),
        files={
            "config.yml": "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: @here@/data\nhttp:\n  addr: 127.0.0.1:@http@\n",
        },
        command="docker-registry serve @here@/config.yml",
        account="nobody",
    ),
)
