"""Databases and caches."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server, package

REDIS = package("redis-server")
PG = "/usr/lib/postgresql/15/bin"

SERVERS = (
    Server(
        name="redis",
        packages=("redis-server",),
        doors=(
            Door(name="redis", service="redis", product="Redis", version=REDIS),
            Door(name="redis_tls", service="redis", product="Redis", version=REDIS, tls=True),
            Door(name="redis6", service="redis", product="Redis", version=REDIS, family=6, beside="redis"),
        ),
        files={"extra": ""},
        command=(
            "redis-server --bind 127.0.0.1 ::1 --port @redis@ --tls-port @redis_tls@ --tls-cert-file @cert@ --tls-key-file @key@ "
            "--tls-auth-clients no --save '' --dir @here@ --protected-mode no"
        ),
        account="nobody",
    ),
    Server(
        name="redis-password",
        packages=("redis-server",),
        doors=(Door(name="redis", service="redis", product="Redis"),),
        command="redis-server --bind 127.0.0.1 --port @redis@ --save '' --dir @here@ --requirepass laboratory",
        account="nobody",
    ),
    Server(
        name="memcached",
        packages=("memcached",),
        doors=(Door(name="memcached", service="memcached", product="Memcached", version=package("memcached")),),
        command="memcached -l 127.0.0.1 -p @memcached@ -m 16 -U 0 -u memcache",
    ),
    Server(
        name="postgresql",
        packages=("postgresql-15",),
        doors=(
            Door(name="postgresql", service="postgresql", product="PostgreSQL"),
            Door(name="postgresql6", service="postgresql", product="PostgreSQL", family=6, beside="postgresql"),
        ),
        prepare=f"chown postgres @here@ && chroot --userspec=postgres:postgres / {PG}/initdb -D @here@/data -A scram-sha-256 --pwfile=/proc/version --no-sync >/dev/null",
        command=(
            "/usr/lib/postgresql/15/bin/postgres -D @here@/data -c listen_addresses=127.0.0.1,::1 -p @postgresql@ -k @here@ -c "
            "shared_buffers=16MB -c ssl=on -c ssl_cert_file=@cert@ -c ssl_key_file=@here@/key.pem"
        ),
        account="postgres:postgres",
    ),
    Server(
        name="mariadb",
        packages=("mariadb-server-core",),
        doors=(Door(name="mysql", service="mysql", product="MariaDB", version=package("mariadb-server-core", r"(\d+\.\d+\.\d+)")),),
        prepare="mariadb-install-db --no-defaults --user=nobody --datadir=@here@/data --skip-test-db >/dev/null && chown -R nobody @here@",
        command=(
            "mariadbd --no-defaults --datadir=@here@/data --bind-address=127.0.0.1 --port=@mysql@ --socket=@here@/socket "
            "--innodb-buffer-pool-size=16M --pid-file=@here@/pid --user=nobody --lc-messages-dir=/usr/share/mysql"
        ),
    ),
    Server(
        name="influxdb",
        packages=("influxdb",),
        doors=(
            Door(name="http", service="http", product="InfluxDB", version=package("influxdb", r"(\d[\d.]+(?:~rc\d+)?)")),
            Door(name="rpc", service="influxdb-rpc", product="InfluxDB"),
        ),
        files={
            "influxdb.conf": """reporting-disabled = true
bind-address = "127.0.0.1:@rpc@"
[meta]
dir = "@here@/meta"
[data]
dir = "@here@/data"
wal-dir = "@here@/wal"
[http]
bind-address = "127.0.0.1:@http@"
""",
        },
        command="influxd -config @here@/influxdb.conf",
        account="influxdb",
    ),
    Server(
        name="etcd",
        packages=("etcd-server",),
        doors=(
            Door(name="client", service="http", product="etcd", version=package("etcd-server")),
            Door(name="peer", service="http", product="etcd", version=package("etcd-server")),
        ),
        command=(
            "etcd --data-dir @here@/data --listen-client-urls http://127.0.0.1:@client@ --advertise-client-urls "
            "http://127.0.0.1:@client@ --listen-peer-urls http://127.0.0.1:@peer@ --initial-advertise-peer-urls "
            "http://127.0.0.1:@peer@ --initial-cluster default=http://127.0.0.1:@peer@"
        ),
        account="nobody",
    ),
    Server(
        name="tarantool",
        packages=("tarantool",),
        doors=(Door(name="tarantool", service="tarantool", product="Tarantool", version=package("tarantool")),),
        files={"init.lua": 'box.cfg{listen = "127.0.0.1:@tarantool@", wal_mode = "none", memtx_memory = 33554432, work_dir = "@here@"}\n'},
        command="tarantool @here@/init.lua",
        account="nobody",
    ),
    Server(
        name="firebird",
        packages=("firebird3.0-server",),
        doors=(Door(name="firebird", service="firebird", product="Firebird"),),
        prepare=(
            "mkdir -p /run/firebird3.0 && chown firebird /run/firebird3.0 && sed -i /^RemoteBindAddress/d /etc/firebird/3.0/firebird.conf && "
            "printf 'RemoteServicePort = @firebird@\\nRemoteBindAddress = 127.0.0.1\\n' >> /etc/firebird/3.0/firebird.conf"
        ),
        command="/usr/sbin/firebird",
        account="firebird:firebird",
    ),
    Server(
        name="pgbouncer",
        packages=("pgbouncer",),
        doors=(Door(name="postgresql", service="postgresql", product="PgBouncer"),),
        files={
            "pgbouncer.ini": """[databases]
* = host=127.0.0.1 port=1
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = @postgresql@
unix_socket_dir =
auth_type = md5
auth_file = @here@/users
""",
            "users": '"laboratory" "laboratory"\n',
        },
        command="pgbouncer @here@/pgbouncer.ini",
        account="postgres:postgres",
    ),
    Server(
        name="sphinx",
        packages=("sphinxsearch",),
        doors=(
            Door(
                name="api",
                service="sphinxapi",
                product="Sphinx",
                also=("Sphinx Search", "Sphinx search daemon"),
            ),
            Door(
                name="mysql",
                service="mysql",
                product="Sphinx",
                version=package("sphinxsearch"),
                also=("Sphinx Search", "Sphinx Search daemon"),
            ),
        ),
        files={
            "sphinx.conf": """index rt {
    type = rt
    path = @here@/rt
    rt_field = title
    rt_attr_uint = number
}
searchd {
    listen = 127.0.0.1:@api@
    listen = 127.0.0.1:@mysql@:mysql41
    log = @here@/searchd.log
    pid_file = @here@/pid
    binlog_path =
}
""",
        },
        command="searchd --nodetach --config @here@/sphinx.conf",
        account="nobody",
    ),
)
