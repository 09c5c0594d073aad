"""Tests of `cfy secrets` with an embedded manager."""

import json
from pathlib import Path

import pytest

from cfy_cli.shell.app import App
from tests.conftest import Cfy


def read_value(cfy: Cfy, key: str) -> object:
    return json.loads(cfy(f"secrets get {key} --json"))["value"]


def test_secret_create_to_delete(cfy: Cfy) -> None:
    assert cfy("secrets create db -s s3cret") == "Secret `db` created\n"
    assert cfy("secrets update db -s newer --hidden-value") == "Secret `db` updated\n"
    shown = cfy("secrets get db")
    assert "value:" in shown
    assert "newer" in shown
    assert cfy("secrets get db --query value") == "newer\n"
    listed = cfy("secrets list")
    assert "| db" in listed
    assert "newer" not in listed
    assert "Showing 1 of 1 secrets" in listed
    assert cfy("secrets set-visibility db -l global") == "Secret `db` was set to global\n"
    assert cfy("secrets set-owner db -s admin") == "Secret `db` is now owned by user `admin`\n"
    assert cfy("secrets delete db") == "Secret `db` deleted\n"
    cfy("secrets get db", code=3)


def test_secret_value_from_file_and_stdin_is_unchanged(cfy: Cfy, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-- BEGIN\r\nKEY --\n")
    cfy(f"secrets create file -f {tmp_path}/key.pem")
    cfy("secrets create stdin -f -", input="two\nlines\n")
    cfy("secrets create line -s -", input="one line\n")
    assert [read_value(cfy, key) for key in ("file", "stdin", "line")] == [
        "-- BEGIN\r\nKEY --\n", "two\nlines\n", "one line"
    ]  # fmt: skip


def test_secret_value_is_prompted_on_terminal(cfy: Cfy, monkeypatch: pytest.MonkeyPatch) -> None:
    cfy("secrets create db", code=2)
    assert "-f FILE" in cfy.errors
    monkeypatch.setattr(App, "interactive", property(lambda _: True))
    cfy("secrets create db", input="canary\ncanary\n")
    assert "canary" not in cfy.errors
    cfy("secrets update db", input="canary-2\ncanary-2\n")
    assert read_value(cfy, "db") == "canary-2"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("secrets create db -s a -f b", "Give the value only once"),
        ("secrets create db -f nowhere", "Cannot read nowhere"),
        ("secrets create db --dict -s canary", "not JSON"),
        ("secrets create db --dict --list -s '{}'", "one of --schema, --dict and --list"),
        ("secrets create db --schema nonsense -s 1", "of --schema is not JSON"),
        ("secrets create db --schema 5 -s 1", "not a JSON schema"),
        ("secrets create 'a b' -s 1", "cannot be the name of a secret"),
        ("secrets export", "--passphrase-stdin"),
        ("secrets export -p long-enough --non-encrypted", "either a passphrase or"),
        ("secrets export -p short", "at least 8"),
        ("secrets import -i nowhere --non-encrypted", "Cannot read nowhere"),
    ],
)
def test_secret_usage_errors_do_not_show_value(cfy: Cfy, line: str, message: str) -> None:
    cfy(line, code=2 if "export -p short" not in line and "nowhere" not in line else 1)
    assert message in cfy.errors
    assert "canary" not in cfy.errors


def test_secret_with_schema_takes_json(cfy: Cfy) -> None:
    cfy('secrets create login --dict -s \'{"user": "ann"}\'')
    cfy("secrets create ports --list -s '[80]'")
    cfy('secrets create port --schema \'{"type": "integer", "maximum": 9}\' -s 8')
    assert [read_value(cfy, key) for key in ("login", "ports", "port")] == [{"user": "ann"}, [80], 8]
    cfy("secrets update port -s 77", code=1)
    assert '{"maximum": 9}' in cfy.errors
    cfy("secrets update port -s canary", code=2)
    assert "canary" not in cfy.errors
    cfy("secrets update port -s 7")
    assert read_value(cfy, "port") == 7


def test_secret_create_if_exists_fails_skips_or_updates(cfy: Cfy) -> None:
    cfy("secrets create db -s one")
    cfy("secrets create db -s two", code=1)
    assert "already exists" in cfy.errors
    assert cfy("secrets create db -s two --if-exists skip") == "Secret `db` already exists\n"
    assert read_value(cfy, "db") == "one"
    for option, new in (("-u", "three"), ("--if-exists update", "four")):
        cfy(f"secrets create db -s {new} {option}")
        assert read_value(cfy, "db") == new


def test_hidden_secret_is_masked_for_other_users(cfy: Cfy) -> None:
    cfy("users create una -p password-of-una -t default_tenant -l user")
    cfy("secrets create db -s s3cret --hidden-value")
    shown = cfy("secrets get db", user="una", password="password-of-una")
    assert "*********" in shown
    assert "s3cret" not in shown


def test_secret_export_and_import_private_file(cfy: Cfy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cfy("tenants create red")
    cfy("secrets create db-1 -s canary-1")
    cfy("secrets create other -s canary-2")
    assert cfy("secrets export --filter-by db -p passphrase8") == "1 secrets were saved to secrets.json\n"
    file = tmp_path / "secrets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "canary" not in file.read_text()
    (tmp_path / "map.json").write_text('{"default_tenant": "red"}')
    assert (
        cfy("secrets import -i secrets.json --passphrase-stdin -m map.json", input="passphrase8\n")
        == "Secrets imported\n"
    )
    assert json.loads(cfy("secrets get db-1 -t red --json"))["value"] == "canary-1"
    cfy("secrets import -i secrets.json -p passphrase8")
    assert "Secrets that exist already in tenant `default_tenant`, not changed: db-1" in cfy.errors
    cfy("secrets import -i secrets.json -p passphrase-other", code=1)
    assert "1 of 1 secrets were not imported" in cfy.errors
    assert "Secret 1: secret: It was encrypted with another passphrase" in cfy.errors
    cfy("secrets export --non-encrypted -o plain.json")
    assert "are not encrypted" in cfy.errors
    assert len(json.loads((tmp_path / "plain.json").read_text())) == 2


def test_secrets_and_passphrases_are_not_logged(cfy: Cfy, tmp_path: Path) -> None:
    cfy("secrets create db -s canary-value -vvv")
    assert "canary" not in cfy.errors
    cfy(f"secrets export -p canary-passphrase -o {tmp_path}/x.json -vvv")
    assert "canary" not in cfy.errors
    cfy(f"secrets import -p canary-passphrase -i {tmp_path}/x.json --override-collisions -vvv")
    assert "canary" not in cfy.errors
    cfy("secrets get db -vvv")
    assert "canary" not in cfy.errors
