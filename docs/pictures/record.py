"""Record the picture of the README: a real scan of three real services in a network of its own, drawn by rich."""

# ruff: noqa: INP001 - a script beside the picture it makes

from __future__ import annotations

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.readme import island  # noqa: E402 - the repository's root is on the path from here on
from watchfloor.kernel.embedded.programs import find_valkey  # noqa: E402 - see above

COLUMNS: Final = 118
COMMAND: Final = "./watchfloor scan 127.0.0.1 --ports 1-10000"
TLS_SERVER: Final = """
import http.server, ssl, sys
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
# One shell, so that everybody is on the same island; the scan is the last to speak.
SCRIPT: Final = """
cd "$1"
"$2" --port 6379 --bind 127.0.0.1 --save "" --protected-mode no >/dev/null 2>&1 & ended="$!"
"$3" -m http.server 8080 --bind 127.0.0.1 >/dev/null 2>&1 & ended="$ended $!"
"$3" -c "$4" certificate.pem >/dev/null 2>&1 & ended="$ended $!"
for port in 6379 8080 8443; do until (: </dev/tcp/127.0.0.1/$port) 2>/dev/null; do :; done; done
cd "$5"
shift 5
"$@"
kill $ended
"""


def main() -> int:
    """Record and write scan.svg."""
    with ExitStack() as stack:
        scratch = Path(tempfile.mkdtemp(prefix="wf-picture-"))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        scratch.chmod(0o711)
        (scratch / "empty").mkdir()
        _expired_certificate(scratch / "empty" / "certificate.pem")
        _run(scratch, "watchfloor", "scope", "list")  # what only the first start does is not in the picture
        output = _run(scratch, *COMMAND.removeprefix("./").split())
    text = _screen(output).replace(str(scratch / "data"), "~/.local/share/watchfloor")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(f"$ {COMMAND}\n{text}"), soft_wrap=False)
    # The stock template loads fonts from somebody's server; a reader's own will do.
    template = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(title="watchfloor", code_format=template, unique_id="scan")
    Path(__file__).with_name("scan.svg").write_text(svg, encoding="utf-8")
    return 0


def _run(scratch: Path, *command: str) -> str:
    """Run a command with its services on an island and in a terminal; return everything it wrote there."""
    mine, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WATCHFLOOR_")}
    environment = {
        **kept, "WATCHFLOOR_DATA_DIR": str(scratch / "data"), "COLUMNS": str(COLUMNS), "LINES": "50", "TERM": "xterm-256color", "COLORTERM": "truecolor",
    }  # fmt: skip
    arguments = [str(scratch / "empty"), str(find_valkey().file), sys.executable, TLS_SERVER, str(ROOT), f"./{command[0]}", *command[1:]]
    child = subprocess.Popen(  # noqa: S603 - commands of ours
        ["/bin/bash", "-c", SCRIPT, "picture", *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        preexec_fn=island.enter, start_new_session=True,  # noqa: PLW1509 - system calls only
    )  # fmt: skip
    os.close(theirs)
    parts = []
    try:
        while part := os.read(mine, 65536):
            parts.append(part)
    except OSError:  # how a terminal says that nobody is left on the other side
        pass
    finally:
        os.close(mine)
    child.wait()
    return b"".join(parts).decode()


def _screen(output: str) -> str:
    """Return what is left on the screen: progress bars draw over themselves and vanish."""
    lines, row = [""], 0
    for part in re.split(r"(\r|\n|\x1b\[[0-9;?]*[A-Za-z])", output):
        if part == "\n":
            row += 1
            lines += [""] * (row - len(lines) + 1)
        elif part.endswith("A") and part.startswith("\x1b["):
            row = max(0, row - int(part[2:-1] or 1))
        elif part.endswith("K") and part.startswith("\x1b["):
            lines[row] = ""
        elif part == "\r" or (part.startswith("\x1b[") and not part.endswith("m")):
            continue
        else:
            lines[row] += part
    return "\n".join(lines).strip("\n")


def _expired_certificate(file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=400)).not_valid_after(today - timedelta(days=9)).sign(key, hashes.SHA256())
    )  # fmt: skip
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))


if __name__ == "__main__":
    sys.exit(main())
