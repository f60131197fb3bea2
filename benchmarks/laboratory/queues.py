"""Message brokers, queues and coordination."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server, package

RABBIT = package("rabbitmq-server")
ACTIVEMQ = package("activemq")

SERVERS = (
    Server(
        name="rabbitmq",
        packages=("rabbitmq-server",),
        doors=(
            Door(name="amqp", service="amqp", product="RabbitMQ", version=RABBIT),
            Door(name="amqps", service="amqp", product="RabbitMQ", version=RABBIT, tls=True),
            Door(name="epmd", service="epmd", product="Erlang Port Mapper Daemon", also=("epmd",)),
            Door(name="node", service="erlang-node", product="Erlang", also=("Erlang node", "Erlang Distribution Node")),
        ),
        files={
            "rabbitmq.conf": """listeners.tcp.1 = 127.0.0.1:@amqp@
listeners.ssl.1 = 127.0.0.1:@amqps@
ssl_options.certfile = @cert@
ssl_options.keyfile = @key@
ssl_options.verify = verify_none
log.console = true
log.file = false
""",
            ".erlang.cookie": "laboratory",
        },
        prepare="chmod 400 @here@/.erlang.cookie",
        command="/usr/lib/rabbitmq/bin/rabbitmq-server",
        account="rabbitmq:rabbitmq",
        environment={
            "RABBITMQ_CONFIG_FILE": "@here@/rabbitmq.conf",
            "RABBITMQ_MNESIA_BASE": "@here@/mnesia",
            "RABBITMQ_LOG_BASE": "@here@/log",
            "RABBITMQ_DIST_PORT": "@node@",
            "ERL_EPMD_PORT": "@epmd@",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "rabbit@localhost",
            "RABBITMQ_ENABLED_PLUGINS_FILE": "@here@/plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
        },
        seconds=90,
    ),
    Server(
        name="mosquitto",
        packages=("mosquitto",),
        doors=(
            Door(name="mqtt", service="mqtt", product="Mosquitto", version=package("mosquitto")),
            Door(name="mqtts", service="mqtt", product="Mosquitto", version=package("mosquitto"), tls=True),
        ),
        files={
            "mosquitto.conf": """user nobody
allow_anonymous true
listener @mqtt@ 127.0.0.1
listener @mqtts@ 127.0.0.1
certfile @cert@
keyfile @key@
""",
        },
        prepare="chown nobody @here@/key.pem",
        command="mosquitto -c @here@/mosquitto.conf",
    ),
    Server(
        name="nats",
        packages=("nats-server",),
        doors=(
            Door(name="nats", service="nats", product="NATS", version=package("nats-server")),
            Door(name="monitor", service="http", product="NATS"),
        ),
        command="nats-server -a 127.0.0.1 -p @nats@ -m @monitor@",
        account="nobody",
    ),
    Server(
        name="activemq",
        packages=("activemq",),
        doors=(
            Door(name="openwire", service="activemq", product="ActiveMQ", version=ACTIVEMQ, also=("ActiveMQ OpenWire transport",)),
            Door(name="stomp", service="stomp", product="ActiveMQ", version=ACTIVEMQ),
        ),
        files={
            "activemq.xml": """<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans.xsd
 http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
<broker xmlns="http://activemq.apache.org/schema/core" brokerName="laboratory" persistent="false" useJmx="false" dataDirectory="@here@/data">
<transportConnectors>
<transportConnector name="openwire" uri="tcp://127.0.0.1:@openwire@"/>
<transportConnector name="stomp" uri="stomp://127.0.0.1:@stomp@"/>
</transportConnectors></broker></beans>
""",
            "log4j.properties": "log4j.rootLogger=WARN, console\nlog4j.appender.console=org.apache.log4j.ConsoleAppender\nlog4j.appender.console.layout=org.apache.log4j.SimpleLayout\n",
        },
        command=(
            "java -Xmx128m -Dactivemq.home=/usr/share/activemq -Dactivemq.base=@here@ -Dactivemq.conf=@here@ "
            "-Dactivemq.data=@here@/data -jar /usr/share/activemq/bin/activemq.jar start xbean:file:@here@/activemq.xml"
        ),
        account="nobody",
    ),
    Server(
        name="zookeeper",
        packages=("zookeeper",),
        doors=(Door(name="zookeeper", service="zookeeper", product="ZooKeeper", version=package("zookeeper")),),
        files={
            "zoo.cfg": "tickTime=2000\ndataDir=@here@/data\nclientPort=@zookeeper@\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n",
        },
        command=(
            "java -Xmx128m -cp '/etc/zookeeper/conf:/usr/share/java/*' -Dzookeeper.log.dir=@here@ "
            "org.apache.zookeeper.server.quorum.QuorumPeerMain @here@/zoo.cfg"
        ),
        account="nobody",
    ),
    Server(
        name="gearman",
        packages=("gearman-job-server",),
        doors=(
            Door(
                name="gearman", service="gearman", product="Gearman", version=package("gearman-job-server"), also=("Gearmand", "gearmand")
            ),
        ),
        command="gearmand -L 127.0.0.1 -p @gearman@ -l stderr",
        account="nobody",
    ),
    Server(
        name="beanstalkd",
        packages=("beanstalkd",),
        doors=(Door(name="beanstalkd", service="beanstalkd", product="beanstalkd", version=package("beanstalkd")),),
        command="beanstalkd -l 127.0.0.1 -p @beanstalkd@",
        account="nobody",
    ),
)
