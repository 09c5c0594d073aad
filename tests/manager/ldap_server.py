"""An OpenLDAP server for tests: an ordinary process with a configuration of its own, on loopback."""

import contextlib
import datetime
import ipaddress
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/libexec:/usr/local/libexec:/usr/bin:/bin")
BASE = "dc=example,dc=org"
READER = f"cn=reader,{BASE}"
READER_PASSWORD = "password-of-reader"
CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_ldif
moduleload memberof
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
disallow bind_anon
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
database ldif
suffix "{base}"
rootdn "cn=root,{base}"
rootpw password-of-root
directory {folder}/db
overlay memberof
"""
PEOPLE = {
    "ann": "password-of-ann",
    "bob": "password-of-bob",
    "admin": "password-of-admin",
    "a*b(c)": "password-of-odd",
    "eve,x=y": "password-of-eve",
}
GROUPS = {  # members by group: names of people, or of groups with an @
    "ops": ("ann",),
    "all": ("@ops", "bob"),
    "world": ("@all",),
    "circle": ("@world", "@ring"),
    "ring": ("@circle",),
}


@dataclass(frozen=True, slots=True)
class LdapServer:
    url: str
    tls_url: str
    ca: str  # certificate of the authority, in PEM
    other_ca: str
    process: subprocess.Popen[bytes]

    def settings(self, **changes: object) -> dict[str, object]:
        """Return the body of POST /ldap, for a directory that the manager searches itself."""
        return {
            "ldap_server": self.url,
            "ldap_domain": None,
            "ldap_base_dn": BASE,
            "ldap_username": READER,
            "ldap_password": READER_PASSWORD,
            "ldap_bind_format": "uid={username},ou=people,{base_dn}",
        } | changes


def group_dn(name: str) -> str:
    return f"cn={name},ou=groups,{BASE}"


@contextlib.contextmanager
def running_server(folder: Path) -> Iterator[LdapServer]:
    """Start a server with people and groups; end it afterwards."""
    assert SLAPD
    (folder / "db").mkdir()
    ca, other_ca = _write_certificates(folder), _new_authority("Other")[1]
    (folder / "slapd.conf").write_text(CONFIGURATION.format(folder=folder, base=BASE))
    port, tls_port = free_port(), free_port()
    urls = f"ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}"
    command = [SLAPD, "-f", str(folder / "slapd.conf"), "-h", urls, "-d", "0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            _wait(port, process)
            server = LdapServer(
                f"ldap://127.0.0.1:{port}", f"ldaps://localhost:{tls_port}", ca, _pem(other_ca), process
            )
            _fill(server)
            yield server
        finally:
            process.kill()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1000):
        assert process.poll() is None, "slapd has ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError("slapd does not answer")


def _fill(server: LdapServer) -> None:
    import ldap3
    from ldap3.utils.dn import escape_rdn

    root = ldap3.Connection(server.url, f"cn=root,{BASE}", "password-of-root", auto_bind=True)

    def add(dn: str, kind: str, **attributes: object) -> None:
        assert root.add(dn, kind, attributes), root.result

    def person_dn(name: str) -> str:
        return f"uid={escape_rdn(name)},ou=people,{BASE}"

    root.add(BASE, ["dcObject", "organization"], {"o": "Example"})
    for unit in ("people", "groups"):
        add(f"ou={unit},{BASE}", "organizationalUnit")
    add(READER, "organizationalRole")
    root.modify(READER, {"objectClass": [("MODIFY_ADD", ["simpleSecurityObject"])],
                         "userPassword": [("MODIFY_ADD", [READER_PASSWORD])]})  # fmt: skip
    for name, password in PEOPLE.items():
        add(person_dn(name), "inetOrgPerson", cn=name, sn=name, userPassword=password, mail=f"{name}@example.org")
    # A password that is not there, and a name that two entries have.
    add(f"uid=nobody,ou=people,{BASE}", "inetOrgPerson", cn="nobody", sn="x")
    for name in ("one", "two"):
        add(f"cn={name},ou=people,{BASE}", "inetOrgPerson", uid="twin", sn="x", userPassword="password-of-twin")
    for name, members in GROUPS.items():
        dns = [group_dn(each[1:]) if each.startswith("@") else person_dn(each) for each in members]
        add(group_dn(name), "groupOfNames", member=dns)
    root.unbind()


def _write_certificates(folder: Path) -> str:
    """Write the certificate of the server and its key; return that of the authority."""
    authority_key, authority = _new_authority("Test")
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]
    certificate = (
        _builder("localhost", authority.subject, key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    (folder / "server.pem").write_text(_pem(certificate))
    private = serialization.NoEncryption()
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, private)
    )
    return _pem(authority)


def _new_authority(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(name, subject, key).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    return key, builder.sign(key, hashes.SHA256())


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    today = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=7))
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
