"""Suggestions for commands that do not exist: similar names, and synonyms of other programs."""

from collections.abc import Sequence
from difflib import get_close_matches

SYNONYMS = {
    "add": "create", "describe": "get", "info": "get", "ls": "list", "new": "create", "remove": "delete",
    "rm": "delete", "show": "get",
}  # fmt: skip
ROOT_SYNONYMS = {
    "create": "deployments create", "delete": "deployments delete", "get": "deployments get",
    "list": "deployments list",
    "deploy": "install", "filters": "deployments filters",
    "help": "--help", "init": "profiles use", "login": "profiles use", "logs": "events list",
    "logout": "profiles delete", "ls": "deployments list", "ps": "executions list", "run": "executions start",
    "start": "manager start", "stop": "manager stop", "undeploy": "uninstall", "use": "profiles use",
    "version": "--version", "whoami": "profiles show-current",
}  # fmt: skip
MIN_SIMILARITY = 0.6  # of 1


def suggest(typed: str, names: Sequence[str], *, is_root: bool) -> list[str]:
    """Return suggestions, the best first; at the root a suggestion may have several words."""
    synonym = ROOT_SYNONYMS.get(typed) if is_root else SYNONYMS.get(typed)
    is_valid = is_root or synonym in names
    return [synonym] if synonym and is_valid else get_close_matches(typed, names, n=3, cutoff=MIN_SIMILARITY)
