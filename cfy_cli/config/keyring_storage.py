"""Passwords in the system's keyring, where the `keyring` package is installed."""

from importlib.util import find_spec
from threading import Thread

from cfy_cli.errors import CfyError

SERVICE = "cfy"
KEYRING_TIMEOUT = 3.0  # seconds; a locked keyring may prompt where nobody answers


def is_available() -> bool:
    return find_spec("keyring") is not None


def read(profile: str) -> str | None:
    """Return the password stored for the profile; None without one, or when the keyring does not open."""
    if not is_available():
        return None
    is_done, value = _call_with_timeout("get_password", SERVICE, profile)
    return value if is_done and isinstance(value, str) else None


def store(profile: str, password: str) -> None:
    """Store the password of the profile. Raises CfyError when the keyring is missing or does not open."""
    if not is_available():
        raise CfyError("There is no keyring for the password", hint="Install it: pip install 'cfy-cli[keyring]'")
    is_done, failure = _call_with_timeout("set_password", SERVICE, profile, password)
    if not is_done:
        reason = f": {failure}" if failure else f" within {KEYRING_TIMEOUT:.0f} seconds"
        raise CfyError(f"The keyring does not open{reason}", hint="Leave out --keyring, or use a token.")


def delete(profile: str) -> None:
    if is_available():
        _call_with_timeout("delete_password", SERVICE, profile)


def _call_with_timeout(function: str, *args: str) -> tuple[bool, object]:
    """Call a function of `keyring` in a thread; return whether it succeeded in time, and its result or its error."""
    answer: list[tuple[bool, object]] = []

    def call() -> None:
        import keyring

        try:
            answer.append((True, getattr(keyring, function)(*args)))
        except Exception as error:  # a backend may raise anything
            answer.append((False, error))

    thread = Thread(target=call, daemon=True)
    thread.start()
    thread.join(KEYRING_TIMEOUT)
    return answer[0] if answer else (False, None)
