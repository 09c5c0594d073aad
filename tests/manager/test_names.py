"""Names of new resources and keys of labels: the command line and the manager have one rule, with the same words."""

import shlex
from collections.abc import Mapping
from urllib.parse import quote

import pytest
import requests

from cfy_cli.contract.names import make_name
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Blueprint, Deployment, Secret, Site, Tenant
from tests.conftest import Ask, Cfy
from tests.manager.conftest import HELLO, SAY, archive

pytestmark = pytest.mark.sqlite

# How each noun with names that users choose is created: the command, and the request.
COMMANDS = {
    "secrets provider": "secrets providers create {} -y local",
    "site": "sites create {}",
    "secret": "secrets create {} -s value",
    "tenant": "tenants create {}",
    "blueprint": "blueprints upload blueprint.yaml -b {}",
    "deployment": "deployments create {} -b app",
}
PLURALS = {noun: f"{noun}s" for noun in COMMANDS}
WRONG = {
    "a b": "a blank",
    "a~b": "`~`",
    "a+b@c": "`+`, `@`",
    "a(b)": "`(`, `)`",
    "a/b": "`/`",
    "straße": "`ß`",
    "tab\there": "'\\t'",
    ".": "must begin with a letter",
    "..": "must begin with a letter",
    ".a": "must begin with a letter",
    "a" * 257: "257 characters",
}


def create(ask: Ask, noun: str, name: str) -> requests.Response:
    if noun == "secrets provider":
        return ask("PUT", "/secrets-providers", json={"name": name, "type": "local"})
    path = f"/{PLURALS[noun]}/{quote(name, safe='')}"
    if noun == "tenant":
        return ask("POST", path, json={})
    if noun == "blueprint":
        return ask("PUT", path, data=archive({"blueprint.yaml": HELLO, "say.sh": SAY}))
    body: Mapping[str, str] = {"secret": {"value": "x"}, "deployment": {"blueprint_id": "app"}}.get(noun, {})
    return ask("PUT", path, json=body)


@pytest.mark.parametrize("noun", COMMANDS)
def test_wrong_names_are_refused_alike_on_both_sides(ask: Ask, cfy: Cfy, worker: object, noun: str):
    assert create(ask, "blueprint", "app").status_code == 201
    for name, words in WRONG.items():
        cfy(COMMANDS[noun].format(shlex.quote(name)), code=2)
        assert words in cfy.errors, (name, cfy.errors)
        if "/" in name or name in (".", ".."):  # such a path has another meaning
            continue
        refused = create(ask, noun, name)
        assert (refused.status_code, refused.json()["error_code"]) == (400, "bad_parameters_error"), name
        assert refused.json()["message"] in cfy.errors


@pytest.mark.parametrize("noun", COMMANDS)
def test_names_of_letters_digits_and_signs_are_accepted(ask: Ask, worker: object, noun: str):
    create(ask, "blueprint", "app")
    is_free = noun in ("blueprint", "deployment")
    for name in ("a", "A.b-c_9", "z" * 256, *(("9lives", "_x") if is_free else ())):
        assert create(ask, noun, name).ok, name
    if not is_free:
        assert "begin with a letter" in create(ask, noun, "9lives").json()["message"]


def test_similar_name_is_suggested(ask: Ask, cfy: Cfy):
    cfy("sites create 'tel aviv (1)'", code=2)
    assert "Hint: `tel-aviv-1` would be allowed." in cfy.errors
    assert ask("PUT", "/sites/9lives").json()["hint"] == "`site-9lives` would be allowed."
    assert "hint" not in ask("PUT", f"/sites/{'a' * 257}").json()


def test_renamed_site_has_an_allowed_name(ask: Ask, cfy: Cfy):
    ask("PUT", "/sites/s")
    refused = ask("POST", "/sites/s", json={"new_name": "a b"})
    assert (refused.status_code, "a blank" in refused.json()["message"]) == (400, True)
    cfy("sites update s -n 'a b'", code=2)
    assert "a blank" in cfy.errors


def test_display_name_may_be_any_printable_text(ask: Ask, worker: object):
    create(ask, "blueprint", "app")
    named = ask("PUT", "/deployments/d", json={"blueprint_id": "app", "display_name": "Größe (1) + mehr"})
    assert named.json()["display_name"] == "Größe (1) + mehr"
    assert ask("PUT", "/deployments/e", json={"blueprint_id": "app", "display_name": "a\nb"}).status_code == 400


OLD = "old name (1) + more"


@pytest.fixture
def old_rows(app: AppContext) -> None:
    """Rows with names that an older manager has allowed."""
    owner = {"tenant_name": "default_tenant", "created_by": "admin"}
    blueprint = Blueprint(id=OLD, state="uploaded", main_file_name="b.yaml", **owner)
    with app.database.write() as session:
        session.add_all([Tenant(name=OLD), Site(name=OLD, **owner), blueprint])
        session.add(Secret(key=OLD, encrypted_value="", **owner))
        session.flush()
        columns = {"blueprint_storage_id": blueprint.storage_id, "blueprint_id": OLD, "display_name": OLD}
        session.add(Deployment(id=OLD, **columns, **owner))


@pytest.mark.usefixtures("old_rows", "worker")
def test_rows_with_other_names_are_read_and_deleted(ask: Ask, cfy: Cfy):
    for noun in ("site", "secret", "tenant", "deployment", "blueprint"):
        path = f"/{PLURALS[noun]}/{quote(OLD, safe='')}"
        query = "?_skip_value=true" if noun == "secret" else ""
        assert ask("GET", path + query).status_code == 200, noun
        cfy(f"{PLURALS[noun]} delete {shlex.quote(OLD)}")
        assert ask("GET", path + query).status_code == 404, noun


LABELS = {"bad key!": "a blank, `!`", "k+": "`+`", "ключ": "`к`", "": "empty"}


@pytest.mark.usefixtures("worker")
def test_wrong_keys_of_labels_are_refused_alike(ask: Ask, cfy: Cfy):
    create(ask, "blueprint", "app")
    ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    for noun in ("blueprint", "deployment"):
        for key, words in LABELS.items():
            refused = ask("PATCH", f"/{noun}s/app", json={"labels": [{key: "v"}]})
            assert (refused.status_code, words in refused.json()["message"]) == (400, True), refused.text
            cfy(f"{noun}s labels add {shlex.quote(f'{key}:v')} app", code=2)
            assert refused.json()["message"] in cfy.errors
        for value in ('say "hi"', "a\nb", " "):
            assert ask("PATCH", f"/{noun}s/app", json={"labels": [{"k": value}]}).status_code == 400
        assert ask("GET", f"/{noun}s/app").json()["labels"] == []


@pytest.mark.usefixtures("worker")
def test_old_labels_stay_until_they_are_deleted(ask: Ask, cfy: Cfy, app: AppContext):
    from cfy_cli.manager.store.models import BlueprintLabel

    create(ask, "blueprint", "app")
    with app.database.write() as session:
        blueprint = session.query(Blueprint).filter_by(id="app").one()
        blueprint.labels += [BlueprintLabel(key=key, value='"v"', created_by="admin") for key in ("bad key!", "worse?")]
    cfy("blueprints labels add team:ops app")
    cfy("blueprints labels delete 'bad key!' app")
    assert sorted(label["key"] for label in ask("GET", "/blueprints/app").json()["labels"]) == ["team", "worse?"]


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("web", "web"),
        ("my app (1)", "my-app-1"),
        ("3tier", "blueprint-3tier"),
        ("приложение", "blueprint"),
        (".x", "blueprint-x"),
    ],
)
def test_name_made_of_a_folder_is_allowed(folder: str, name: str):
    assert make_name(folder, "blueprint") == name
