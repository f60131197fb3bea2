"""Application servers and web applications."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server, package, says
from benchmarks.laboratory.web import PAGE

RUBY = """require "webrick"
server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: @http@, DocumentRoot: "@here@/www")
server.start
"""
NODE = """require("http").createServer((_, reply) => { reply.end("laboratory\\n"); }).listen(@http@, "127.0.0.1");
"""
WSGI = """def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"laboratory\\n"]
"""
ASGI = """async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"laboratory\\n"})
"""
WERKZEUG = """import sys
from werkzeug.serving import run_simple
from wsgi import application
run_simple("127.0.0.1", @http@, application)
"""
# One module names Python's version and its own, and so do the servers made of it.
PYTHON = says("/usr/bin/python3", "--version")
SIMPLE_HTTP = says("/usr/bin/python3", "-c", "import http.server as s; print(s.SimpleHTTPRequestHandler.server_version)")
WSGI_SERVER = says("/usr/bin/python3", "-c", "import wsgiref.simple_server as s; print(s.server_version)")
TOMCAT_HOME = "/usr/share/tomcat10"

SERVERS = (
    Server(
        name="python-http-server",
        packages=("python3",),
        doors=(
            Door(
                name="http",
                service="http",
                product="Python http.server",
                version=PYTHON,
                made_of=(("SimpleHTTPServer", SIMPLE_HTTP), ("SimpleHTTP", SIMPLE_HTTP)),
            ),
        ),
        files={"www/index.html": PAGE},
        command="/usr/bin/python3 -m http.server --bind 127.0.0.1 --directory @here@/www @http@",
        account="nobody",
    ),
    Server(
        name="gunicorn",
        packages=("gunicorn",),
        doors=(Door(name="http", service="http", product="Gunicorn"),),
        files={"wsgi.py": WSGI},
        command="/usr/bin/gunicorn --bind 127.0.0.1:@http@ --chdir @here@ wsgi:application",
        account="nobody",
    ),
    Server(
        name="uvicorn",
        packages=("uvicorn",),
        doors=(Door(name="http", service="http", product="Uvicorn"),),
        files={"asgi.py": ASGI},
        command="/usr/bin/uvicorn --host 127.0.0.1 --port @http@ --app-dir @here@ asgi:application",
        account="nobody",
    ),
    Server(
        name="werkzeug",
        packages=("python3-werkzeug",),
        doors=(Door(name="http", service="http", product="Werkzeug", version=package("python3-werkzeug")),),
        files={"wsgi.py": WSGI, "serve.py": WERKZEUG},
        command="/usr/bin/python3 @here@/serve.py",
        account="nobody",
    ),
    Server(
        name="webrick",
        packages=("ruby-webrick",),
        doors=(Door(name="http", service="http", product="WEBrick", version=package("ruby-webrick")),),
        files={"www/index.html": PAGE, "serve.rb": RUBY},
        command="ruby @here@/serve.rb",
        account="nobody",
    ),
    Server(
        name="php",
        packages=("php-cli",),
        doors=(
            Door(
                name="http",
                service="http",
                product="PHP",
                version=says("php", "-r", "echo PHP_VERSION;"),
                also=("PHP cli server", "PHP built-in server"),
            ),
        ),
        files={"www/index.php": "<?php echo 'laboratory';\n"},
        command="php -S 127.0.0.1:@http@ -t @here@/www",
        account="nobody",
    ),
    Server(
        name="nodejs",
        packages=("nodejs",),
        doors=(Door(name="http", service="http", product="Node.js"),),
        files={"serve.js": NODE},
        command="node --max-old-space-size=64 @here@/serve.js",
        account="nobody",
    ),
    Server(
        name="tomcat10",
        packages=("tomcat10",),
        doors=(Door(name="http", service="http", product="Apache Tomcat", version=package("tomcat10"), also=("Tomcat",)),),
        files={
            "conf/server.xml": """<Server port="-1"><Service name="Catalina">
<Connector port="@http@" address="127.0.0.1" protocol="HTTP/1.1"/>
<Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps"/></Engine>
</Service></Server>
""",
            "webapps/about/index.html": PAGE,
        },
        prepare="mkdir -p @here@/logs @here@/temp @here@/work && cp /etc/tomcat10/web.xml @here@/conf/ && chown -R tomcat @here@",
        command="/usr/share/tomcat10/bin/catalina.sh run",
        account="tomcat:tomcat",
        environment={
            "CATALINA_BASE": "@here@",
            "CATALINA_HOME": TOMCAT_HOME,
            "JAVA_OPTS": "-Xmx128m -Djava.awt.headless=true",
            "JRE_HOME": "/usr/lib/jvm/default-java",
        },
    ),
    Server(
        name="jetty9",
        packages=("jetty9",),
        doors=(Door(name="http", service="http", product="Jetty", version=package("jetty9", r"(\d+\.\d+\.\d+)")),),
        files={"webapps/about/index.html": PAGE, "start.ini": "--module=http\n--module=deploy\n--module=webapp\n"},
        prepare="mkdir -p @here@/logs @here@/tmp && chown -R jetty @here@",
        command=(
            "java -Xmx128m -Djava.io.tmpdir=@here@/tmp -jar /usr/share/jetty9/start.jar jetty.home=/usr/share/jetty9 "
            "jetty.base=@here@ jetty.http.host=127.0.0.1 jetty.http.port=@http@"
        ),
        account="jetty:adm",
    ),
    Server(
        name="puma",
        packages=("puma",),
        doors=(Door(name="http", service="http", product="Puma"),),
        files={"config.ru": 'run lambda { |_| [200, {"content-type" => "text/plain"}, ["laboratory"]] }\n'},
        command="puma -b tcp://127.0.0.1:@http@ -t 1:2 @here@/config.ru",
        account="nobody",
    ),
    Server(
        name="radicale",
        packages=("radicale",),
        doors=(
            Door(
                name="http",
                service="http",
                product="Radicale",
                made_of=(("wsgiref", PYTHON), ("WSGIServer", WSGI_SERVER)),
            ),
        ),
        files={"config": "[server]\nhosts = 127.0.0.1:@http@\n[auth]\ntype = none\n[storage]\nfilesystem_folder = @here@/collections\n"},
        command="/usr/bin/radicale --config @here@/config",
        account="nobody",
    ),
    Server(
        name="websockify",
        packages=("websockify",),
        doors=(Door(name="http", service="http", product="websockify", also=("WebSockify Python",)),),
        files={"www/index.html": PAGE},
        command="/usr/bin/websockify --web @here@/www 127.0.0.1:@http@ 127.0.0.1:1",
        account="nobody",
    ),
    Server(
        name="shellinabox",
        packages=("shellinabox",),
        doors=(Door(name="http", service="http", product="Shell In A Box", also=("shellinabox", "ShellInABox")),),
        command="shellinaboxd --localhost-only --disable-ssl -p @http@ -u nobody -g nogroup",
    ),
    Server(
        name="cockpit",
        packages=("cockpit-ws",),
        doors=(Door(name="http", service="http", product="Cockpit", also=("Cockpit web service",)),),
        command="/usr/lib/cockpit/cockpit-ws --no-tls --address 127.0.0.1 --port @http@",
        account="nobody",
    ),
)
