"""Passwords in the system's keyring, where the `keyring` package is installed; no command waits for it for long."""

from importlib.util import find_spec
from threading import Thread
from typing import Any

from cfy_cli.errors import CfyError

SERVICE = "cfy"
PATIENCE = 3.0  # seconds; a keyring may be locked and ask somebody who is not there


def available() -> bool:
    return find_spec("keyring") is not None


def read(profile: str) -> str | None:
    """The password kept for the profile; None when there is none, or no keyring that opens."""
    if not available():
        return None
    done, value = _within("get_password", SERVICE, profile)
    return value if done and isinstance(value, str) else None


def keep(profile: str, password: str) -> None:
    """Raises CfyError when there is no keyring to keep it in."""
    if not available():
        raise CfyError("There is no keyring to keep the password in", hint="Install it: pip install 'cfy-cli[keyring]'")
    done, failure = _within("set_password", SERVICE, profile, password)
    if not done:
        reason = f": {failure}" if failure else " within 3 seconds"
        raise CfyError(f"The keyring does not open{reason}", hint="Leave out --keyring, or use a token.")


def forget(profile: str) -> None:
    if available():
        _within("delete_password", SERVICE, profile)


def _within(verb: str, *args: str) -> tuple[bool, Any]:
    """Whether it was done in time, and what it gave; or the reason why not."""
    answer: list[tuple[bool, Any]] = []

    def ask() -> None:
        import keyring

        try:
            answer.append((True, getattr(keyring, verb)(*args)))
        except Exception as error:  # a backend may raise anything
            answer.append((False, error))

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answer[0] if answer else (False, None)
