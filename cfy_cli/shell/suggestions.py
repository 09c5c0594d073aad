"""What was meant by a command that does not exist: a name much like it, or what other programs call the same."""

from collections.abc import Sequence
from difflib import get_close_matches

SAME_VERBS = {
    "add": "create", "describe": "get", "info": "get", "ls": "list", "new": "create", "remove": "delete",
    "rm": "delete", "show": "get",
}  # fmt: skip
SAME_NOUNS = {
    "create": "deployments create", "delete": "deployments delete", "get": "deployments get",
    "list": "deployments list",
    "deploy": "install", "help": "--help", "init": "profiles use", "login": "profiles use", "logs": "events list",
    "logout": "profiles delete", "ls": "deployments list", "ps": "executions list", "run": "executions start",
    "start": "manager start", "stop": "manager stop", "undeploy": "uninstall", "use": "profiles use",
    "version": "--version", "whoami": "profiles show-current",
}  # fmt: skip
ALIKE = 0.6  # of 1


def near(typed: str, names: Sequence[str], *, root: bool) -> list[str]:
    """The best guess first; none where there is nothing like it. Behind the root, a guess may be several words."""
    same = SAME_NOUNS.get(typed) if root else SAME_VERBS.get(typed)
    known = root or same in names
    return [same] if same and known else get_close_matches(typed, names, n=3, cutoff=ALIKE)
