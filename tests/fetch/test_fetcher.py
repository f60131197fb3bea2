"""Downloads from a server that does everything a server can do wrong."""

from __future__ import annotations

import gzip
import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fetch.servers import PAGE, Answer, Asked, Server, serve
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import EgressRefused, SourceChanged, SourceUnavailable
from watchfloor.kernel.fetch.fetcher import Ask, Fetcher
from watchfloor.kernel.fetch.guard import Reach
from watchfloor.kernel.fetch.patience import Pace, Patience, asked_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from watchfloor.kernel.fetch.download import Got

QUICK = Patience(first_s=1.0, read_s=0.3, connect_s=2.0, random=lambda: 0.5)
MIB = 1 << 20


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as started:
        yield started


class Client:
    """A fetcher whose waits are written down instead of waited."""

    def __init__(self, folder: Path) -> None:
        self.waited: list[float] = []
        self.folder = folder
        self.progress: list[tuple[int, int, str]] = []

    def get(
        self,
        url: str,
        *,
        reach: Reach | None = None,
        limit_bytes: int = 64 * MIB,
        pace: Pace | None = None,
        check: Any = None,
        **options: Any,
    ) -> Got:
        asked = {name: options.pop(name) for name in list(options) if name in Ask.__dataclass_fields__}
        origin = url.partition("/x")[0] if "/x" in url else "/".join(url.split("/")[:3])
        settings: dict[str, Any] = {
            "agent": "Watchfloor/test", "ends": monotonic() + 60, "patience": QUICK, "sleep": self.waited.append,
            "progress": lambda *shown: self.progress.append(shown), **options,
        }  # fmt: skip
        with Fetcher(reach or Reach(hosts=frozenset(), own=frozenset({origin})), **settings) as fetcher:
            return fetcher.get(Ask(url=url, limit_bytes=limit_bytes, **asked), self.folder / "file", pace=pace, check=check)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


def left(client: Client) -> list[str]:
    return sorted(path.name for path in client.folder.iterdir())


def test_an_answer_becomes_a_file_with_its_marks(server: Server, client: Client) -> None:
    body = b'{"a": 1}' * 1000
    server.plan["/a.json"] = [Answer(body=body, headers={"ETag": '"1"', "Last-Modified": "Fri, 20 Mar 2026 08:00:00 GMT"})]
    got = client.get(f"{server.url}/a.json?x=1", headers={"apiKey": "k"})
    assert got.path.read_bytes() == body
    assert (got.status, got.size, got.sha256) == (200, len(body), hashlib.sha256(body).hexdigest())
    assert (got.etag, got.modified) == ('"1"', "Fri, 20 Mar 2026 08:00:00 GMT")
    asked = server.asked[0]
    assert asked.path == "/a.json?x=1"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert (asked.headers["user-agent"], asked.headers["accept-encoding"], asked.headers["apikey"]) == ("Watchfloor/test", "identity", "k")
    assert client.progress[-1] == (len(body), len(body), "a.json")
    assert left(client) == ["file"]


def test_what_did_not_change_is_not_sent_again(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(status=304, headers={"ETag": '"1"'})]
    got = client.get(f"{server.url}/a", etag='"1"', modified="Fri, 20 Mar 2026 08:00:00 GMT")
    assert got.status == 304
    assert server.asked[0].headers["if-none-match"] == '"1"'
    assert server.asked[0].headers["if-modified-since"] == "Fri, 20 Mar 2026 08:00:00 GMT"
    assert left(client) == []


def test_unchanged_without_being_asked_is_no_answer(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(status=304)]
    with pytest.raises(SourceChanged, match=r"G1: 127.0.0.1 answers /a with status 304"):
        client.get(f"{server.url}/a")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520])
def test_passing_failures_are_tried_again_with_growing_pauses(server: Server, client: Client, status: int) -> None:
    server.plan["/a"] = [*[Answer(status=status, body=PAGE)] * 3, Answer(body=b"[]")]
    assert client.get(f"{server.url}/a").size == 2
    assert client.waited == [1, 2, 4]


def test_patience_ends_with_the_reason(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(status=503, body=PAGE)]
    with pytest.raises(SourceUnavailable, match=r"127.0.0.1: status 503 \(Just a moment... Checking your browser\); tried 5 times"):
        client.get(f"{server.url}/a")
    assert len(server.asked) == 5
    assert left(client) == []


@pytest.mark.parametrize(("header", "waits"), [("7", 7), ("0", 1), ("100000", 900), ("soon", 1), ("-5", 1), ("1e3", 1)])
def test_what_the_source_asks_for_is_followed_within_reason(server: Server, client: Client, header: str, waits: float) -> None:
    server.plan["/a"] = [Answer(status=429, headers={"Retry-After": header}), Answer(body=b"[]")]
    client.get(f"{server.url}/a", ends=monotonic() + 5000)
    assert client.waited == [waits]


def test_a_date_to_come_back_at_is_understood() -> None:
    now = datetime(2026, 3, 20, 8, 0, tzinfo=UTC)
    assert asked_for("Fri, 20 Mar 2026 08:01:30 GMT", now) == 90
    assert asked_for("Fri, 20 Mar 2026 07:00:00 GMT", now) == 0
    assert asked_for("Fri, 99 Mar 2026 07:00:00 GMT", now) is None


def test_a_wait_longer_than_the_time_left_ends_at_once(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(status=503, headers={"Retry-After": "600"})]
    with pytest.raises(SourceUnavailable, match="tried once, no time is left to wait 600 s"):
        client.get(f"{server.url}/a")
    assert client.waited == []


def test_a_refusal_is_not_tried_again_unless_it_is_known_to_pass(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(status=403, headers={"message": "Invalid apiKey."}, body=PAGE)]
    with pytest.raises(SourceUnavailable, match=r"127.0.0.1 refuses /a with status 403 \(Invalid apiKey.\)"):
        client.get(f"{server.url}/a", explain=("message",))
    assert len(server.asked) == 1
    server.plan["/a"] = [Answer(status=403), Answer(body=b"[]")]
    client.get(f"{server.url}/a", again=frozenset({403}))
    assert client.waited == [1]


def test_an_address_that_is_gone_is_a_change_of_the_source(server: Server, client: Client) -> None:
    with pytest.raises(SourceChanged, match=r"G1: 127.0.0.1 answers /a with status 404 \(no such thing\)"):
        client.get(f"{server.url}/a")
    assert len(server.asked) == 1


def test_a_body_that_breaks_off_is_loaded_again_from_its_start(server: Server, client: Client) -> None:
    body = bytes(range(256)) * 100
    server.plan["/a"] = [Answer(body=body, cut=1000), Answer(body=body, cut=0), Answer(body=body)]
    assert client.get(f"{server.url}/a").path.read_bytes() == body
    assert client.waited == [1, 2]
    assert "range" not in server.asked[1].headers


def test_a_body_that_always_breaks_off_leaves_nothing(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(body=b"x" * 5000, cut=1000)]
    with pytest.raises(SourceUnavailable, match=r"broke off .*, after 1000 bytes; tried 5 times"):
        client.get(f"{server.url}/a")
    assert left(client) == []


def test_a_chunked_body_without_its_end_is_no_answer(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(body=b"5\r\nhello\r\n", headers={"Transfer-Encoding": "chunked"}, cut=10)]
    with pytest.raises(SourceUnavailable, match=r"broke off"):
        client.get(f"{server.url}/a")


def resumable(body: bytes, *, etag: str = '"1"', change: str = "") -> Callable[[Asked], Answer]:
    """Break off once after 11 MB, then go on where asked to if nothing changed."""
    calls: list[Asked] = []

    def answer(asked: Asked) -> Answer:
        calls.append(asked)
        headers = {"ETag": change or etag if len(calls) > 1 else etag}
        if len(calls) == 1:
            return Answer(body=body, headers=headers, cut=11_000_000)
        start = int(asked.headers["range"].removeprefix("bytes=").removesuffix("-"))
        if asked.headers["if-range"] != headers["ETag"]:
            return Answer(body=body, headers=headers)
        return Answer(status=206, body=body[start:], headers={**headers, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})

    return answer


@pytest.mark.parametrize("change", ["", '"2"'])
def test_a_large_body_goes_on_where_it_broke_off_unless_it_changed(client: Client, change: str) -> None:
    body = hashlib.sha256(b"seed").digest() * 400_000
    with serve(resumable(body, change=change)) as server:
        got = client.get(f"{server.url}/big")
    assert got.sha256 == hashlib.sha256(body).hexdigest()
    assert got.path.stat().st_size == len(body)
    assert int(server.asked[1].headers["range"].removeprefix("bytes=").removesuffix("-")) > 10_000_000


def test_a_partial_answer_that_nobody_asked_for_is_refused(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(status=206, body=b"half", headers={"Content-Range": "bytes 0-3/8"})]
    with pytest.raises(SourceChanged, match=r"G1: .* status 206"):
        client.get(f"{server.url}/a")


def test_a_body_that_stalls_is_given_up(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(body=b"x" * 5000, stall=1000), Answer(body=b"[]")]
    assert client.get(f"{server.url}/a").size == 2


def test_a_body_that_drips_is_given_up(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(body=b"x" * 200_000)]
    slow = Patience(tries=1, slow_after_s=0.0, slowest=1 << 60)
    with pytest.raises(SourceUnavailable, match="the answer comes slower than"):
        client.get(f"{server.url}/a", patience=slow)


def test_nothing_waits_beyond_the_end(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(body=b"x" * 5000, stall=10)]
    patient = Patience(read_s=600, tries=1)
    with pytest.raises(SourceUnavailable, match="no answer in time"):
        client.get(f"{server.url}/a", patience=patient, ends=monotonic() + 0.5)


def test_after_the_end_nothing_is_asked(server: Server, client: Client) -> None:
    with pytest.raises(SourceUnavailable, match="no connection in time"):
        client.get(f"{server.url}/a", ends=monotonic() - 1)
    assert server.asked == []


@pytest.mark.parametrize("length", [None, 1])
def test_more_than_is_allowed_is_refused_whether_announced_or_not(server: Server, client: Client, length: int | None) -> None:
    chunks = b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n"
    server.plan["/a"] = [Answer(body=b"x" * 1024) if length else Answer(body=chunks, headers={"Transfer-Encoding": "chunked"})]
    with pytest.raises(SourceChanged, match=r"G4: 127.0.0.1 sends more than the 1000 bytes"):
        client.get(f"{server.url}/a", limit_bytes=1000)
    assert left(client) == []
    assert len(server.asked) == 1


def test_a_body_that_its_reader_cannot_read_is_asked_for_again(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(body=b'{"half": '), Answer(body=b"{}")]

    def check(path: Path) -> None:
        if path.read_bytes() != b"{}":
            raise SourceChanged("G7: it is no JSON to its end.")

    client.get(f"{server.url}/a", check=check).path.unlink()
    server.plan["/a"] = [Answer(body=b'{"half": ')]
    with pytest.raises(SourceChanged, match=r"G7: 127.0.0.1: it is no JSON to its end; tried 5 times"):
        client.get(f"{server.url}/a", check=check)
    assert left(client) == []


def test_a_page_instead_of_data_is_tried_again_and_then_refused(server: Server, client: Client) -> None:
    server.plan["/a.json.gz"] = [Answer(body=PAGE, headers={"Content-Type": "application/gzip"})]
    with pytest.raises(SourceChanged, match=r"G2: 127.0.0.1: a web page came instead of data; tried 5 times"):
        client.get(f"{server.url}/a.json.gz")
    assert left(client) == []


def test_gzip_on_the_way_stays_and_gzip_around_gzip_is_taken_off(server: Server, client: Client) -> None:
    packed = gzip.compress(b'{"a": 1}')
    server.plan["/a"] = [
        Answer(body=packed, headers={"Content-Encoding": "gzip"}),
        Answer(body=gzip.compress(packed), headers={"Content-Encoding": "gzip"}),
    ]
    for _ in range(2):
        got = client.get(f"{server.url}/a", packed=True)
        assert got.path.read_bytes() == packed
        assert got.sha256 == hashlib.sha256(packed).hexdigest()


def test_a_bomb_around_gzip_is_stopped(server: Server, client: Client) -> None:
    bomb = gzip.compress(gzip.compress(b"x", 0) + bytes(8 * MIB))
    server.plan["/a"] = [Answer(body=bomb, headers={"Content-Encoding": "gzip"})]
    with pytest.raises(SourceChanged, match=r"G4"):
        client.get(f"{server.url}/a", limit_bytes=MIB)


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip"])
def test_an_encoding_that_was_not_asked_for_is_refused(server: Server, client: Client, encoding: str) -> None:
    server.plan["/a"] = [Answer(body=b"xx", headers={"Content-Encoding": encoding})]
    with pytest.raises(SourceChanged, match=r"G2: .* which was not asked for"):
        client.get(f"{server.url}/a")


def test_redirects_are_followed_within_reach_and_secrets_stay_at_home(server: Server, client: Client) -> None:
    with serve() as other:
        server.plan["/a"] = [Answer(status=302, headers={"Location": "/b"})]
        server.plan["/b"] = [Answer(status=307, headers={"Location": f"{other.url}/c"})]
        other.plan["/c"] = [Answer(body=b"[]")]
        reach = Reach(own=frozenset({server.url, other.url}))
        got = client.get(f"{server.url}/a", reach=reach, headers={"apiKey": "secret"})
        assert got.url == f"{other.url}/c"
        assert server.asked[1].headers["apikey"] == "secret"
        assert "apikey" not in other.asked[0].headers


@pytest.mark.parametrize("target", [
    "https://elsewhere.example/", "http://169.254.169.254/latest/meta-data/", "http://[::1]:1/", "file:///etc/passwd", "//elsewhere.example/x",
    "http://user@127.0.0.1/", "http://127.0.0.1:1/", "",
])  # fmt: skip
def test_redirects_beyond_reach_are_not_followed(server: Server, client: Client, target: str) -> None:
    server.plan["/a"] = [Answer(status=302, headers={"Location": target})]
    with pytest.raises(SourceChanged, match=r"G1: 127.0.0.1 redirects"):
        client.get(f"{server.url}/a")


def test_redirects_in_a_circle_end(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(status=302, headers={"Location": "/a"})]
    with pytest.raises(SourceChanged, match="redirects more than 5 times"):
        client.get(f"{server.url}/a")
    assert len(server.asked) == 6


def test_a_name_that_turns_to_loopback_is_not_dialled(server: Server, client: Client) -> None:
    """The address is judged where it is dialled: what an earlier look-up said does not count."""
    reach = Reach(hosts=frozenset({"feeds.example"}), ports=frozenset({server.port}), plain=True)
    with pytest.raises(EgressRefused, match=r"feeds.example is at 127.0.0.1, which is this machine itself"):
        client.get(f"http://feeds.example:{server.port}/a", reach=reach, resolve=lambda *_: ["8.8.8.8", "127.0.0.1"])
    assert server.asked == []


def test_the_operators_own_name_is_dialled_where_it_is(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(body=b"[]")]
    looked_up: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.2", "127.0.0.1"]  # nobody listens at the first

    assert client.get(f"http://mirror.corp:{server.port}/a", resolve=resolve).size == 2
    assert looked_up == ["mirror.corp"]
    assert server.asked[0].headers["host"] == f"mirror.corp:{server.port}"


def test_a_name_nobody_knows_is_unavailable(client: Client) -> None:
    def resolve(*_: object) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(SourceUnavailable, match=r"mirror.corp cannot be looked up: Name or service not known; tried 5 times"):
        client.get("http://mirror.corp:8080/a", resolve=resolve)


def test_nobody_listening_is_unavailable(client: Client) -> None:
    with serve() as gone:
        url = gone.url
    with pytest.raises(SourceUnavailable, match="the connection failed"):
        client.get(f"{url}/a")


def test_the_pace_of_a_source_is_kept_between_all_requests(server: Server, client: Client) -> None:
    server.plan["/a"] = [Answer(status=503), Answer(body=b"[]")]
    waited: list[float] = []
    pace = Pace(100.0, waited.append)
    client.get(f"{server.url}/a", pace=pace)
    client.get(f"{server.url}/a", pace=pace)
    assert [round(wait) for wait in waited] == [100, 100]


def authority() -> tuple[str, str]:
    """Return certificate and key, in PEM, of a server at 127.0.0.1 and mirror.corp."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mirror.corp")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mirror.corp")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM).decode(), secret.decode()


def test_tls_checks_the_name_that_was_asked_for(client: Client, tmp_path: Path) -> None:
    certificate, key = authority()
    (tmp_path / "both.pem").write_text(certificate + key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "both.pem")
    with serve(tls=tls) as server:
        server.plan["/a"] = [Answer(body=b"[]")]
        named, other = f"https://mirror.corp:{server.port}", f"https://other.corp:{server.port}"
        assert client.get(f"{named}/a", resolve=lambda *_: ["127.0.0.1"], authorities=certificate).size == 2
        with pytest.raises(SourceUnavailable, match="its certificate does not verify"):
            client.get(f"{other}/a", resolve=lambda *_: ["127.0.0.1"], authorities=certificate)
        with pytest.raises(SourceUnavailable, match="its certificate does not verify"):
            client.get(f"{named}/a", resolve=lambda *_: ["127.0.0.1"])
    assert client.waited == []


def test_a_proxy_is_asked_for_the_sources_and_not_for_the_operators_own(server: Server, client: Client) -> None:
    server.plan["/own"] = [Answer(body=b"[]")]
    with serve() as proxy:
        proxy.plan["http://feeds.example:8080/a"] = [Answer(body=b"[1]")]
        reach = Reach(hosts=frozenset({"feeds.example"}), own=frozenset({server.url}), ports=frozenset({8080}), plain=True)
        through = proxy.url.replace("//", "//user:p%40ss@")
        assert client.get("http://feeds.example:8080/a", reach=reach, proxy=through).size == 3
        assert client.get(f"{server.url}/own", reach=reach, proxy=through).size == 2
        assert proxy.asked[0].headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"
        assert len(proxy.asked) == 1


def test_a_proxy_without_a_list_of_hosts_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="needs a list of hosts"):
        client.get("https://feeds.example/a", reach=Reach(), proxy="http://127.0.0.1:3128")
