"""How one embedded manager is set up: a value handed to every part that needs it."""

import os
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
PORT = 8100
ENCRYPTION_KEY_VARIABLE = "CFY_ENCRYPTION_KEY"  # the variable that gives it


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    data_dir: Path  # everything it keeps: database, files, logs, keys
    database_url: str = ""  # SQLite in the data folder when empty
    host: str = HOST
    port: int = 0  # 0: PORT, or a free one when that is taken
    workers: int = 0  # worker processes; 0: one for each processor, at most 4
    encryption_key: str = field(default="", repr=False)  # of secrets; a file in the data folder when empty
    keep_events: str = ""  # for how long, such as `3 months`; for ever when empty

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'manager.db'}"

    @property
    def worker_count(self) -> int:
        return self.workers or min(4, os.cpu_count() or 1)

    @property
    def files(self) -> Path:
        return self.data_dir / "files"
