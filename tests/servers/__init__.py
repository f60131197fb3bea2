"""Real servers for tests and benchmarks: private, in temporary directories, gone with the process that started them."""

from tests.servers.embedded import postgres_server, valkey_server
from tests.servers.rabbitmq import rabbitmq_missing, rabbitmq_server
from tests.servers.server import Server

__all__ = ["Server", "postgres_server", "rabbitmq_missing", "rabbitmq_server", "valkey_server"]
