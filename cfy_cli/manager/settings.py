"""Settings of one embedded manager, passed to every part that needs them."""

import json
import os
import socket
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from cfy_cli.contract.limits import Limits
from cfy_cli.contract.manager_roles import ROLES
from cfy_cli.manager.process_secrets import STORAGE_VARIABLES

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8100
MAX_DEFAULT_WORKERS = 4
OPERATIONS = "operations"  # the prefix of the processes that run operations received over a broker


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    data_dir: Path  # database, files, logs and keys
    database_url: str = ""  # SQLite in the data folder when empty
    storage: str = ""  # a folder or s3://BUCKET/PREFIX for files, which managers share; in the data folder when empty
    storage_credentials: tuple[str, ...] = field(default=(), repr=False)  # of S3: key id, secret key, perhaps a token
    broker: str = ""  # the URL of RabbitMQ or Redis; operations run in the workers when empty
    broker_ca_certificate: str = ""  # the file of the authority of a broker with TLS; those of the machine when empty
    host: str = DEFAULT_HOST
    port: int = 0  # 0: the previous port, at first DEFAULT_PORT, or a free port when that is taken
    previous_port: int = 0  # of the last start; 0 before the first one
    workers: int = 0  # worker processes; 0: one for each processor, at most MAX_DEFAULT_WORKERS
    encryption_key: str = field(default="", repr=False)  # of secrets; a file in the data folder when empty
    server_names: tuple[str, ...] = ()  # further names under which clients reach it, such as that of a proxy
    trusted_proxies: tuple[str, ...] = ()  # addresses and networks that say truly who their clients are
    fetch_from: tuple[str, ...] = ()  # networks that are not public, and that blueprints may fetch from
    database_password: str = field(default="", repr=False)  # of PostgreSQL, when its URL has none
    admin_password: str = field(default="", repr=False)  # of the first start of a database; random when empty
    run_as: str = ""  # the user that operations run as; the one who runs the manager when empty
    roles: tuple[str, ...] = ROLES  # what runs here; the others run elsewhere on the same database
    keep_events: str = ""  # age at which events are deleted, such as `3 months`; never when empty
    keep_audit_log: str = ""  # the same for records of the audit log
    limits: Limits = field(default_factory=Limits)

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'manager.db'}"

    @property
    def secret_arguments(self) -> tuple[str, ...]:
        """The settings whose options may hold a password."""
        return self.database_url, self.broker

    @property
    def place(self) -> str:
        """The data folder among those of all machines."""
        folder_hash = sha256(str(self.data_dir.resolve()).encode()).hexdigest()[:8]
        return f"{socket.gethostname()}/{folder_hash}"

    @property
    def address(self) -> str:
        """The address or name by which other machines reach the server."""
        return socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104

    @property
    def is_sqlite(self) -> bool:
        return not self.database.startswith("postgres")

    def runs(self, role: str) -> bool:
        return role in self.roles

    @property
    def child_names(self) -> tuple[str, ...]:
        """The names of the processes that the supervisor starts, the server first."""
        workers = [f"worker-{index}" for index in range(self.worker_count)] if self.runs("worker") else []
        # Workers start what is due themselves, unless they run elsewhere.
        scheduler = ["scheduler"] if self.runs("scheduler") and not workers else []
        operations = [f"{OPERATIONS}-{index}" for index in range(len(workers))] if self.broker else []
        return (*(["server"] if self.runs("server") else []), *workers, *operations, *scheduler)

    @property
    def secret_variables(self) -> tuple[str, ...]:
        """The variables whose values these settings hold, and which no other process needs."""
        return STORAGE_VARIABLES if self.storage_credentials else ()

    @property
    def wanted_port(self) -> int:
        return self.port or self.previous_port or DEFAULT_PORT

    @property
    def worker_count(self) -> int:
        return self.workers or min(MAX_DEFAULT_WORKERS, os.cpu_count() or 1)

    @property
    def files(self) -> Path:
        return self.data_dir / "files"

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "data_dir": str(self.data_dir)})

    @classmethod
    def from_json(cls, text: str) -> "ManagerSettings":
        fields = json.loads(text)
        return cls(
            **{
                **fields,
                "data_dir": Path(fields["data_dir"]),
                "storage_credentials": tuple(fields["storage_credentials"]),
                "server_names": tuple(fields["server_names"]),
                "trusted_proxies": tuple(fields["trusted_proxies"]),
                "fetch_from": tuple(fields["fetch_from"]),
                "roles": tuple(fields["roles"]),
                "limits": Limits(**fields["limits"]),
            }
        )
