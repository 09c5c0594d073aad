"""The ctx program on the PATH of scripts: it sends its words to the server and prints the answer."""

import shlex
import shutil
import sys
from pathlib import Path

HTTP_CLIENT = Path(__file__).parent.parent / "python" / "cloudify" / "proxy" / "client.py"

# Bash starts in a few milliseconds where Python needs twenty, and scripts call ctx in loops.
BASH = """\
case $CTX_SOCKET_URL in http:*) exec PYTHON HTTP_CLIENT "$@" ;; esac  # a plugin answers calls in its own process
address=${CTX_SOCKET_URL#tcp://}
if [ -z "$address" ]; then echo "ctx: no operation is running: CTX_SOCKET_URL is not set." >&2; exit 1; fi
server=${address%%/*}
{ exec 3<>"/dev/tcp/${server%:*}/${server##*:}"; } 2>/dev/null ||
  { echo "ctx: the operation that this belongs to has ended." >&2; exit 1; }
{ printf '%s %d\\n' "${address#*/}" $(($# + 1)); printf '%s\\0' "$PWD" "$@"; } >&3
IFS=' ' read -r status length <&3 || { echo "ctx: the manager did not answer." >&2; exit 1; }
[ "$status" -eq 0 ] || exec >&2
LC_ALL=C  # lengths are of bytes
if [ "$length" -lt 4096 ]; then
  IFS= read -r -d '' answer <&3; printf '%s' "$answer"
  [ "${#answer}" -eq "$length" ] || { printf '\\0'; cat <&3; }  # a variable holds what comes before a NUL
else cat <&3; fi
exit "$status"
"""

PYTHON = """\
import os, socket, sys
if os.environ.get("CTX_SOCKET_URL", "").startswith("http:"):  # a plugin answers calls in its own process
    os.execv(sys.executable, [sys.executable, HTTP_CLIENT, *sys.argv[1:]])
address = os.environ.get("CTX_SOCKET_URL", "").removeprefix("tcp://")
if not address:
    sys.exit("ctx: no operation is running: CTX_SOCKET_URL is not set.")
server, _, token = address.partition("/")
host, _, port = server.rpartition(":")
try:
    connection = socket.create_connection((host, int(port)))
except OSError:
    sys.exit("ctx: the operation that this belongs to has ended.")
words = [os.fsencode(word) + b"\\0" for word in (os.getcwd(), *sys.argv[1:])]
connection.sendall(b"%s %d\\n" % (token.encode(), len(words)) + b"".join(words))
head, _, text = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\\n")
if not head:
    sys.exit("ctx: the manager did not answer.")
status = int(head.split()[0])
(sys.stderr if status else sys.stdout).buffer.write(text)
sys.exit(status)
"""


def write_program(folder: Path) -> None:
    """Write the program `ctx` to a folder, in bash if that is installed, else in Python."""
    bash = shutil.which("bash")
    program = folder / "ctx"
    if bash:
        paths = {"PYTHON": shlex.quote(sys.executable), "HTTP_CLIENT": shlex.quote(str(HTTP_CLIENT))}
        text = f"#!{bash}\n{BASH}"
    else:
        paths = {"HTTP_CLIENT": repr(str(HTTP_CLIENT))}
        text = f"#!{sys.executable}\n{PYTHON}"
    for name, path in paths.items():
        text = text.replace(name, path, 1)
    program.write_text(text, encoding="utf-8")
    program.chmod(0o700)
