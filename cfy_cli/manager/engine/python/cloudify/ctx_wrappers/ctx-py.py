"""The module `cloudify` for scripts on machines that have nothing but the program `ctx`: `from cloudify import ctx`.

Plugins copy this file to other machines, so it uses nothing but the standard library, of Python 3.7 too.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any


class CtxComponent:
    """A part of ctx; its attributes are parts of it, and calling it calls the program. Raises RuntimeError."""

    def __init__(self, *words: str) -> None:
        self._words = words

    def __getattr__(self, name: str) -> CtxComponent:
        if name.startswith("_"):
            raise AttributeError(name)
        return CtxComponent(*self._words, name.replace("_", "-"))

    def __getitem__(self, name: str) -> Any:
        return self(name)

    def __setitem__(self, name: str, value: object) -> None:
        self(name, value)

    def get(self, name: str, default: object = None) -> Any:
        try:
            return self(name)
        except RuntimeError:
            return default

    def __call__(self, *arguments: object) -> Any:
        words = [word if isinstance(word, str) else f"@{json.dumps(word)}" for word in arguments]
        command = ["ctx", "-j", *self._words, *words]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace").strip())
        return json.loads(done.stdout) if done.stdout.strip() else None

    def __str__(self) -> str:
        return str(self())


ctx = CtxComponent()
