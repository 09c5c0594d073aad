"""The first login of the embedded manager, from its data folder into the `local` profile."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from cfy_cli.errors import CfyError

if TYPE_CHECKING:
    from pathlib import Path

    from cfy_cli.config.profiles import Profile

FIRST_LOGIN = "founded"  # field of the `local` profile: digest of the file with the first password


def ignore_login(profile: Profile, file: Path) -> None:
    """Keep the login of the profile, whatever the file has now."""
    profile.unknown[FIRST_LOGIN] = _read(file)[1]


def _read(file: Path) -> tuple[str, str]:
    """Return the text of the file and its digest."""
    text = file.read_text("utf-8", "replace") if file.is_file() else "{}"
    return text, hashlib.sha256(text.encode()).hexdigest()


def update_login(profile: Profile, file: Path) -> None:
    """Take the first password of a new manager from its file; keep a password that was changed since."""
    text, digest = _read(file)
    if profile.unknown.get(FIRST_LOGIN) != digest:
        credentials = _parse_credentials(text)
        if credentials is None and (profile.manager_password or profile.manager_token):
            return  # whoever damaged the file, the login in the profile was in use
        if credentials is None:
            raise CfyError(
                f"The file {file}, which has the first password of the administrator, is damaged",
                hint="Restore it from a backup, or log in: cfy profiles set --manager-username admin "
                "--manager-password PASSWORD",
            )
        profile.manager_username, profile.manager_password = credentials.get("username"), credentials.get("password")
        profile.manager_token = None
        profile.unknown[FIRST_LOGIN] = digest


def _parse_credentials(text: str) -> dict[str, str] | None:
    """Return username and password, None when the text is damaged; both may be missing."""
    with suppress(ValueError):
        content = json.loads(text)
        if isinstance(content, dict) and all(isinstance(value, str) for value in content.values()):
            return content
    return None
