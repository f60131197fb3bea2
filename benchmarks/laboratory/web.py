"""Web servers."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server, package

PAGE = "<html><head><title>laboratory</title></head><body>laboratory</body></html>\n"
NGINX = package("nginx-core")
APACHE = package("apache2-bin")
LIGHTTPD = package("lighttpd")

SERVERS = (
    Server(
        name="nginx",
        packages=("nginx-core",),
        doors=(
            Door(name="http", service="http", product="nginx", version=NGINX),
            Door(name="https", service="http", product="nginx", version=NGINX, tls=True),
            Door(name="http6", service="http", product="nginx", version=NGINX, family=6),
            Door(name="https6", service="http", product="nginx", version=NGINX, tls=True, family=6),
        ),
        files={
            "www/index.html": PAGE,
            "nginx.conf": """daemon off;
master_process off;
error_log @here@/error.log;
pid @here@/pid;
events {}
http {
    access_log off;
    server {
        listen 127.0.0.1:@http@;
        listen [::1]:@http6@;
        listen 127.0.0.1:@https@ ssl;
        listen [::1]:@https6@ ssl;
        ssl_certificate @cert@;
        ssl_certificate_key @key@;
        root @here@/www;
    }
}
""",
        },
        command="nginx -c @here@/nginx.conf",
    ),
    Server(
        name="nginx-quiet",
        packages=("nginx-core",),
        doors=(Door(name="http", service="http", product="nginx"),),
        files={
            "nginx.conf": """daemon off;
master_process off;
error_log @here@/error.log;
pid @here@/pid;
events {}
http {
    access_log off;
    server_tokens off;
    server {
        listen 127.0.0.1:@http@;
        location / { return 404; }
    }
}
""",
        },
        command="nginx -c @here@/nginx.conf",
    ),
    Server(
        name="apache2",
        packages=("apache2-bin",),
        doors=(
            Door(name="http", service="http", product="Apache httpd", version=APACHE),
            Door(name="https", service="http", product="Apache httpd", version=APACHE, tls=True),
            Door(name="http6", service="http", product="Apache httpd", version=APACHE, family=6),
        ),
        files={
            "www/index.html": PAGE,
            "apache2.conf": """ServerName laboratory
ServerRoot @here@
PidFile @here@/pid
ErrorLog @here@/error.log
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
User www-data
Group www-data
Listen 127.0.0.1:@http@
Listen [::1]:@http6@
Listen 127.0.0.1:@https@ https
DocumentRoot @here@/www
ServerTokens OS
<VirtualHost 127.0.0.1:@https@>
    SSLEngine on
    SSLCertificateFile @cert@
    SSLCertificateKeyFile @key@
</VirtualHost>
""",
        },
        command="apache2 -f @here@/apache2.conf -DFOREGROUND",
    ),
    Server(
        name="lighttpd",
        packages=("lighttpd", "lighttpd-mod-openssl"),
        doors=(
            Door(name="http", service="http", product="lighttpd", version=LIGHTTPD),
            Door(name="https", service="http", product="lighttpd", version=LIGHTTPD, tls=True),
        ),
        files={
            "www/index.html": PAGE,
            "lighttpd.conf": """server.modules = ("mod_openssl")
server.document-root = "@here@/www"
server.bind = "127.0.0.1"
server.port = @http@
server.errorlog = "@here@/error.log"
index-file.names = ("index.html")
$SERVER["socket"] == "127.0.0.1:@https@" {
    ssl.engine = "enable"
    ssl.pemfile = "@both@"
}
""",
        },
        command="lighttpd -D -f @here@/lighttpd.conf",
        account="www-data",
    ),
    Server(
        name="caddy",
        packages=("caddy",),
        doors=(
            Door(name="http", service="http", product="Caddy"),
            Door(name="https", service="http", product="Caddy", tls=True),
        ),
        files={
            "www/index.html": PAGE,
            "Caddyfile": """{
    admin off
    auto_https off
}
http://:@http@ {
    bind 127.0.0.1
    root * @here@/www
    file_server
}
https://:@https@ {
    bind 127.0.0.1
    tls @cert@ @key@
    root * @here@/www
    file_server
}
""",
        },
        command="caddy run --config @here@/Caddyfile --adapter caddyfile",
        account="www-data",
        environment={"XDG_DATA_HOME": "@here@", "XDG_CONFIG_HOME": "@here@"},
    ),
    Server(
        name="h2o",
        packages=("h2o",),
        doors=(Door(name="http", service="http", product="h2o", version=package("h2o")),),
        files={
            "www/index.html": PAGE,
            "h2o.conf": """listen:
  host: 127.0.0.1
  port: @http@
user: nobody
hosts:
  default:
    paths:
      /:
        file.dir: @here@/www
""",
        },
        command="h2o -c @here@/h2o.conf",
    ),
    Server(
        name="mini-httpd",
        packages=("mini-httpd",),
        doors=(Door(name="http", service="http", product="mini_httpd", version=package("mini-httpd")),),
        files={"www/index.html": PAGE},
        command="mini_httpd -D -h 127.0.0.1 -p @http@ -d @here@/www",
        account="nobody",
    ),
    Server(
        name="webfs",
        packages=("webfs",),
        doors=(Door(name="http", service="http", product="webfs", version=package("webfs")),),
        files={"www/index.html": PAGE},
        command="webfsd -F -4 -i 127.0.0.1 -p @http@ -r @here@/www",
        account="nobody",
    ),
    Server(
        name="busybox-httpd",
        packages=("busybox",),
        doors=(Door(name="http", service="http", product="BusyBox httpd", also=("BusyBox",)),),
        files={"www/index.html": PAGE},
        command="busybox httpd -f -p 127.0.0.1:@http@ -h @here@/www",
        account="nobody",
    ),
    Server(
        name="apache2-older",
        packages=("apache2-bin",),
        unpacked=("apache2-bin/older",),
        doors=(Door(name="http", service="http", product="Apache httpd", version=package("apache2-bin/older")),),
        files={
            "www/index.html": PAGE,
            "apache2.conf": """ServerName laboratory
ServerRoot @here@
PidFile @here@/pid
ErrorLog @here@/error.log
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
User www-data
Group www-data
Listen 127.0.0.1:@http@
DocumentRoot @here@/www
""",
        },
        command="apache2 -f @here@/apache2.conf -DFOREGROUND",
    ),
)
