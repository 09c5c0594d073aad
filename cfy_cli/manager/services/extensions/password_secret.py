"""Random passwords that are kept as secrets."""

import random
import secrets
import string
from collections.abc import Mapping

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.extensions.component_secrets import OURS, bring, take_away
from cfy_cli.manager.services.extensions.subject import Subject
from cfy_cli.manager.store.models import Secret

LETTERS = {  # without blanks: at an end they get lost where people copy passwords
    "uppercase": string.ascii_uppercase,
    "lowercase": string.ascii_lowercase,
    "digits": string.digits,
    "symbols": string.punctuation,
}
LEFT_OUT = -1
SHORTEST = 6


def creation_validation(subject: Subject) -> bool:
    _check(*_wanted(subject))
    return True


def create(subject: Subject) -> bool:
    length, least = _wanted(subject)
    _check(length, least)
    given = subject.wanted("secret_name")
    name = str(given or f"ps_{subject.parent}_{subject.instance_id}")
    use_if_there = bool(subject.wanted("use_secret_if_exists"))
    if use_if_there and not given:
        raise Invalid(f"{subject.node_id} cannot use a secret that exists: its `secret_name` is not given")
    if use_if_there and not subject.runtime.get(OURS) and _exists(subject, name):
        subject.say(f'Using the password in the secret "{name}"')
    else:
        bring(subject, {name: password(length, least)})
    subject.keep(secret_name=name, password={"get_secret": name})
    return True


def delete(subject: Subject) -> bool:
    """A secret that was there before stays."""
    take_away(subject)
    subject.keep("secret_name", "password")
    return True


def password(length: int, least: Mapping[str, int]) -> str:
    """`least` is how many letters of each kind it has at least; -1 is none."""
    used = "".join(letters for kind, letters in LETTERS.items() if least[kind] != LEFT_OUT)
    chosen = [secrets.choice(LETTERS[kind]) for kind, number in least.items() for _ in range(number)]
    chosen += [secrets.choice(used) for _ in range(length - len(chosen))]
    random.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def _wanted(subject: Subject) -> tuple[int, dict[str, int]]:
    return subject.wanted("length"), {kind: subject.wanted(kind) for kind in LETTERS}


def _check(length: int, least: Mapping[str, int]) -> None:
    """Raises Invalid when there is no such password."""
    if length < SHORTEST:
        raise Invalid(f"A password of {length} characters is too short: it has at least {SHORTEST}")
    odd = [kind for kind, number in least.items() if number < LEFT_OUT]
    if odd:
        raise Invalid(f"`{odd[0]}` is how many there are at least, or -1 for none; it is {least[odd[0]]}")
    if all(number == LEFT_OUT for number in least.values()):
        raise Invalid("A password needs letters: not all kinds can be -1")
    if sum(number for number in least.values() if number > 0) > length:
        raise Invalid(f"A password of {length} characters cannot have that many of each kind")


def _exists(subject: Subject, name: str) -> bool:
    with subject.reading() as store:
        return store.find(Secret, name) is not None
