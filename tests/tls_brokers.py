"""Brokers with TLS, and certificates that an own authority has signed for `localhost`."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.brokers import OwnRabbitMQ, OwnRedis

_AUTHORITY = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=own-authority -keyout ca.key "
    "-out ca.pem -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign"
)
_REQUEST = (
    "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr"
)
_SIGN = "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem"


def create_certificates(folder: Path) -> Path:
    """Create an authority and a certificate of `localhost` in a folder, as administrators do; return the authority."""
    program = shutil.which("openssl") or pytest.skip("there is no openssl")
    folder.mkdir()
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    for words in (_AUTHORITY, _REQUEST, _SIGN):
        subprocess.run([program, *words.split()], cwd=folder, check=True, capture_output=True)
    return folder / "ca.pem"


class TlsRedis(OwnRedis):
    """Redis that answers over TLS alone."""

    @property
    def url(self) -> str:
        return f"rediss://localhost:{self.port}/0"

    def command(self) -> list[str]:
        certificates = create_certificates(self.folder / "certificates").parent
        names = (("cert-file", "server.pem"), ("key-file", "server.key"), ("ca-cert-file", "ca.pem"))
        files = [word for option, name in names for word in (f"--tls-{option}", str(certificates / name))]
        plain = super().command()
        plain[plain.index("--port") : plain.index("--port") + 2] = ["--port", "0", "--tls-port", str(self.port)]
        return [*plain, *files, "--tls-auth-clients", "no"]


class TlsRabbitMQ(OwnRabbitMQ):
    """RabbitMQ that answers over TLS alone."""

    @property
    def url(self) -> str:
        return f"amqps://guest:guest@localhost:{self.port}//"

    def command(self) -> list[str]:
        command = super().command()
        certificates = create_certificates(self.folder / "certificates").parent
        names = (("cacertfile", "ca.pem"), ("certfile", "server.pem"), ("keyfile", "server.key"))
        files = "".join(f"ssl_options.{option} = {certificates / name}\n" for option, name in names)
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp = none\nlisteners.ssl.default = 127.0.0.1:{self.port}\n{files}"
            "ssl_options.verify = verify_none\nssl_options.fail_if_no_peer_cert = false\n"
        )
        return command

    def environment(self) -> dict[str, str]:
        plain = ("RABBITMQ_NODE_PORT", "RABBITMQ_NODE_IP_ADDRESS")
        return {name: value for name, value in super().environment().items() if name not in plain}
