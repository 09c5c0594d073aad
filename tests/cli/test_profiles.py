"""Tests of profiles, their files, and the precedence of settings."""

import json
import stat
import sys
import tarfile
import threading
import types
from pathlib import Path
from typing import Any

import pytest
import responses

from cfy_cli.config import keyring_storage
from cfy_cli.errors import CfyError

from .conftest import Run

STATUS = "http://mgr/api/v3.1/status"
PUBLIC_FIELDS = {
    "cluster": {}, "kerberos_env": False, "manager_ip": "mgr", "manager_password": "pw", "manager_tenant": "red",
    "manager_token": None, "manager_username": "ann", "name": "mgr", "provider_context": {"a": 1},
    "rest_certificate": None, "rest_port": 80, "rest_protocol": "http", "ssh_key": None, "ssh_port": 22,
    "ssh_user": None, "added_later": [1],
}  # fmt: skip


def read_profile(workdir: Path, name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((workdir / ".cloudify/profiles" / name / "context.json").read_text())
    return data


def write_profile(workdir: Path, name: str = "mgr", **fields: Any) -> None:
    folder = workdir / ".cloudify/profiles" / name
    folder.mkdir(parents=True)
    (folder / "context.json").write_text(json.dumps(PUBLIC_FIELDS | {"name": name} | fields))
    (workdir / ".cloudify/active.profile").write_text(name)


def test_profile_use_creates_profile_after_login(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    wire.get(STATUS, json={"status": "OK"})
    assert run("profiles use mgr -u ann -p pw -t red", profile=None).out == "Using manager mgr\n"
    assert wire.calls[0].request.headers["Tenant"] == "red"
    profile = read_profile(workdir, "mgr")
    assert {key: profile[key] for key in PUBLIC_FIELDS if key in profile} == {
        **{key: value for key, value in PUBLIC_FIELDS.items() if key != "added_later"}, "provider_context": {},
    }  # fmt: skip
    assert run("profiles list", profile=None).out.count("| *mgr |") == 1


def test_profile_password_is_read_from_stdin(run: Run, workdir: Path) -> None:
    run("profiles use mgr -u ann --password-stdin --skip-credentials-validation", profile=None, stdin="pw\n")
    assert read_profile(workdir, "mgr")["manager_password"] == "pw"
    run("profiles set --password-stdin", profile=None, stdin="newer\n")
    assert read_profile(workdir, "mgr")["manager_password"] == "newer"
    assert "There is no password for user `ann`" in run("profiles use other -u ann", profile=None, code=2).err


def test_own_new_password_replaces_that_of_the_profile(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    write_profile(workdir)
    for name in ("ann", "bob"):
        wire.post(f"http://mgr/api/v3.1/users/{name}", json={"username": name})
    run("users set-password bob -p newer", profile=None)
    assert read_profile(workdir, "mgr") == PUBLIC_FIELDS
    assert "Profile `mgr` logs in with it" in run("users set-password ann -p newer", profile=None).err
    assert read_profile(workdir, "mgr") == {**PUBLIC_FIELDS, "manager_password": "newer"}
    run("users set-password ann -p newest", profile=None, CLOUDIFY_USERNAME="ann", CLOUDIFY_PASSWORD="typed")
    assert read_profile(workdir, "mgr")["manager_password"] == "newer"


def test_profile_use_failed_login_creates_no_profile(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    wire.get(STATUS, status=401, json={"message": "Wrong credentials"})
    run("profiles use mgr -u ann -p nope", profile=None, code=4)
    assert not (workdir / ".cloudify/profiles/mgr").exists()


def test_profile_files_are_private(run: Run, workdir: Path) -> None:
    run("profiles use mgr -u ann -p pw --skip-credentials-validation", profile=None)
    folder = workdir / ".cloudify/profiles/mgr"
    assert stat.S_IMODE((folder / "context.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [item.name for item in folder.iterdir()] == ["context.json"]


def test_profile_unknown_fields_are_preserved(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    write_profile(workdir)
    wire.get(STATUS, json={"status": "OK"})
    run("status --json", profile=None)
    request = wire.calls[0].request
    assert request.headers["Authorization"] == "Basic YW5uOnB3"
    run("profiles set -t blue", profile=None)
    assert read_profile(workdir, "mgr") == PUBLIC_FIELDS | {"manager_tenant": "blue"}


def test_profile_old_format_is_read(run: Run, workdir: Path) -> None:
    folder = workdir / ".cloudify/profiles/old"
    folder.mkdir(parents=True)
    text = "!CloudifyProfileContext\nmanager_ip: !!python/unicode 'mgr'\nmanager_username: ann\nrest_port: 443\n"
    (folder / "context").write_text(text)
    run("profiles use old", profile=None)
    assert run("profiles show-current --json", profile=None).data["rest_port"] == 443


def test_profile_set_does_not_contact_manager(run: Run, workdir: Path) -> None:
    write_profile(workdir)
    run("profiles set --ssl on -u bob -p new", profile=None)
    profile = read_profile(workdir, "mgr")
    assert (profile["rest_protocol"], profile["rest_port"], profile["manager_username"]) == ("https", 443, "bob")
    run("profiles set --ssl off", profile=None)
    assert read_profile(workdir, "mgr")["rest_port"] == 80
    run("profiles unset -u -p", profile=None)
    assert read_profile(workdir, "mgr")["manager_password"] is None


def test_profile_token_replaces_password(run: Run, workdir: Path) -> None:
    write_profile(workdir)
    run("profiles set -T tok", profile=None)
    profile = read_profile(workdir, "mgr")
    assert (profile["manager_token"], profile["manager_username"], profile["manager_password"]) == ("tok", None, None)


def test_profile_rename(run: Run, workdir: Path) -> None:
    write_profile(workdir)
    run("profiles set --profile-name prod", profile=None)
    assert [item["name"] for item in run("profiles list --json", profile=None).data] == ["*prod"]
    assert run("profiles show-current --json", profile=None).data["name"] == "prod"


def test_profile_use_existing_reports_ignored_options(run: Run, workdir: Path) -> None:
    write_profile(workdir)
    assert "ignored: manager_username" in run("profiles use mgr -u bob", profile=None).err
    assert read_profile(workdir, "mgr")["manager_username"] == "ann"


def test_profile_delete_removes_and_deactivates(run: Run, workdir: Path) -> None:
    write_profile(workdir)
    run("profiles delete mgr", profile=None)
    run("profiles delete mgr", profile=None, code=3)
    assert "No profile is in use" in run("profiles show-current", profile=None).out


def test_profile_damaged_file_is_reported(run: Run, workdir: Path) -> None:
    write_profile(workdir)
    (workdir / ".cloudify/profiles/mgr/context.json").write_text("{")
    assert "context.json is damaged" in run("sites list", profile=None, code=1).err


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden"])
def test_profile_name_cannot_escape_folder(run: Run, name: str) -> None:
    run(f"profiles delete {name}", profile=None, code=2)


@pytest.mark.parametrize(
    ("flags", "environ", "expected"),
    [
        ("", {}, "red"),
        ("", {"CLOUDIFY_TENANT": "green"}, "green"),
        ("-t blue", {"CLOUDIFY_TENANT": "green"}, "blue"),
        ("--tenant-name blue", {}, "blue"),
    ],
)
def test_tenant_precedence_flag_environment_profile(
    run: Run, workdir: Path, wire: responses.RequestsMock, flags: str, environ: dict[str, str], expected: str
) -> None:
    write_profile(workdir)
    wire.get(STATUS, json={"status": "OK"})
    run(f"status --json {flags}", profile=None, **environ)
    assert wire.calls[0].request.headers["Tenant"] == expected


def test_environment_token_replaces_profile_password(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    write_profile(workdir)
    wire.get(STATUS, json={"status": "OK"})
    run("status --json", profile=None, CLOUDIFY_TOKEN="tok")
    headers = wire.calls[0].request.headers
    assert headers["Authentication-Token"] == "tok"
    assert "Authorization" not in headers


def test_manager_option_overrides_profile(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    write_profile(workdir)
    wire.get("https://other:8443/api/v3.1/status", json={"status": "OK"})
    wire.get("http://[::1]/api/v3.1/status", json={"status": "OK"})
    run("--manager https://other:8443 status --json", profile=None)
    run("status --manager ::1 --json", profile=None)
    assert wire.calls[0].request.headers["Authorization"] == "Basic YW5uOnB3"


def test_cluster_fails_over_to_next_node(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    import requests
    from urllib3.exceptions import NewConnectionError

    write_profile(workdir, cluster={"manager": [{"hostname": "b", "host_ip": "second"}]})
    wire.get(STATUS, body=requests.ConnectionError(NewConnectionError(None, "refused")))  # type: ignore[arg-type]
    wire.get("http://second/api/v3.1/status", json={"status": "OK"})
    assert run("status --json", profile=None).data == {"status": "OK"}


def test_invalid_boolean_variable_is_rejected(run: Run, workdir: Path) -> None:
    write_profile(workdir)
    outcome = run("status", profile=None, code=2, CLOUDIFY_SSL_TRUST_ALL="maybe")
    assert "CLOUDIFY_SSL_TRUST_ALL is `maybe`, which is neither true nor false" in outcome.err


def test_missing_certificate_file_is_reported(run: Run, workdir: Path) -> None:
    write_profile(workdir, rest_certificate="/nowhere/cert.pem")
    assert "/nowhere/cert.pem does not exist" in run("status", profile=None, code=1).err


def test_profile_export_and_import_restore_profiles(run: Run, workdir: Path, tmp_path: Path) -> None:
    key = tmp_path / "keys/id"
    key.parent.mkdir()
    key.write_text("ssh key")
    write_profile(workdir, ssh_key=str(key))
    archive = tmp_path / "profiles.tar.gz"
    run(f"profiles export --include-keys -o {archive}", profile=None)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    key.unlink()
    run("profiles delete mgr", profile=None)
    run(f"profiles import --include-keys {archive}", profile=None)
    assert read_profile(workdir, "mgr")["manager_password"] == "pw"
    assert key.read_text() == "ssh key"


def test_profile_import_rejects_path_traversal(run: Run, workdir: Path, tmp_path: Path) -> None:
    archive = tmp_path / "evil.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("profiles/../../evil/context.json"))
    assert "does not belong to a profile" in run(f"profiles import {archive}", profile=None, code=1).err
    assert not workdir.exists()


def test_profile_output_hides_credentials(run: Run, workdir: Path) -> None:
    write_profile(workdir, manager_password="canary", manager_token="canary")
    for line in ("profiles list", "profiles show-current", "profiles list --json", "profiles show-current -x"):
        assert "canary" not in run(line, profile=None).out


# --- selection of manager and user ---


def test_profile_option_selects_profile(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    write_profile(workdir, "other", manager_ip="second", manager_tenant="green")
    write_profile(workdir)
    wire.get("http://second/api/v3.1/status", json={"status": "OK"})
    assert run("status --json --profile other", profile=None).data == {"status": "OK"}
    assert run("--profile other status --json", profile=None).data == {"status": "OK"}
    assert run("status --json", profile=None, CFY_PROFILE="other").data == {"status": "OK"}
    assert wire.calls[0].request.headers["Tenant"] == "green"
    assert run("profiles show-current --json", profile=None).data["name"] == "mgr"
    assert "There is no profile `nope`" in run("status --profile nope", profile=None, code=3).err
    run("profiles set -t red --profile other", profile=None)
    assert read_profile(workdir, "other")["manager_tenant"] == "red"


def test_effective_settings_show_sources(run: Run, workdir: Path) -> None:
    write_profile(workdir, manager_password="canary")
    outcome = run("-t blue profiles show-current --effective --json", profile=None, CLOUDIFY_USERNAME="eve")
    rows = {row["setting"]: (row["value"], row["source"]) for row in outcome.data}
    assert rows["tenant"] == ("blue", "--tenant-name")
    assert rows["user"] == ("eve", "$CLOUDIFY_USERNAME")
    assert rows["password"] == ("********", "profile mgr")
    assert rows["manager"] == ("http://mgr", "profile mgr")
    assert rows["profile"] == ("mgr", "in use")
    assert rows["folder"] == (str(workdir / ".cloudify"), "$CFY_WORKDIR")
    assert rows["any certificate is trusted"] == (False, "default")
    assert "canary" not in outcome.out


def test_cluster_node_uses_own_certificate(
    run: Run, workdir: Path, wire: responses.RequestsMock, tmp_path: Path
) -> None:
    certificate = tmp_path / "b.pem"
    certificate.write_text("x")
    write_profile(workdir, cluster={"manager": [{"hostname": "b", "host_ip": "second", "rest_port": 443}]})
    run(f"profiles set-cluster b -c {certificate} -s ops --ssh-port 2222", profile=None)
    (node,) = read_profile(workdir, "mgr")["cluster"]["manager"]
    assert node == {
        "hostname": "b", "host_ip": "second", "rest_port": 443, "cert": str(certificate), "rest_protocol": "https",
        "trust_all": False, "ssh_user": "ops", "ssh_port": 2222,
    }  # fmt: skip
    wire.get(STATUS, status=502, body="no manager here")
    wire.get("https://second/api/v3.1/status", json={"status": "OK"})
    assert run("status --json", profile=None).data == {"status": "OK"}
    assert wire.calls[1].request.req_kwargs["verify"] == str(certificate)  # type: ignore[attr-defined]
    assert "Nodes: b" in run("profiles set-cluster nope -s x", profile=None, code=3).err
    write_profile(workdir, "single")
    assert "has no cluster" in run("profiles set-cluster b -s x", profile=None, code=2).err


def test_missing_password_is_prompted_on_terminal(
    run: Run, workdir: Path, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profile(workdir, manager_password=None)
    outcome = run("status", profile=None, code=4)
    assert "There is no password for user `ann` at http://mgr" in outcome.err
    assert "--password-stdin" in outcome.err
    monkeypatch.setattr("cfy_cli.shell.app.App.interactive", True)
    wire.get(STATUS, json={"status": "OK"})
    outcome = run("status --json", profile=None, stdin="pw\n")
    assert wire.calls[0].request.headers["Authorization"] == "Basic YW5uOnB3"
    assert outcome.data == {"status": "OK"}
    assert read_profile(workdir, "mgr")["manager_password"] is None


class Keyring(types.ModuleType):
    """Replacement of the package `keyring` that stores passwords in memory."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.passwords: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, name: str) -> str | None:
        return self.passwords.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        self.passwords[service, name] = password

    def delete_password(self, service: str, name: str) -> None:
        del self.passwords[service, name]


def test_keyring_stores_profile_password(
    run: Run, workdir: Path, wire: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cfy_cli.config.keyring_storage.is_available", lambda: False)
    run("profiles use mgr -u ann --password-stdin --keyring --skip-credentials-validation", profile=None, stdin="pw\n",
        code=1)  # fmt: skip
    assert not (workdir / ".cloudify/profiles/mgr").exists()
    keyring = Keyring()
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setattr("cfy_cli.config.keyring_storage.is_available", lambda: True)
    run("profiles use mgr -u ann --password-stdin --keyring --skip-credentials-validation", profile=None, stdin="pw\n")
    assert read_profile(workdir, "mgr")["manager_password"] is None
    wire.get(STATUS, json={"status": "OK"})
    run("status --json", profile=None)
    assert wire.calls[0].request.headers["Authorization"] == "Basic YW5uOnB3"
    assert '"keyring"' in run("profiles show-current --effective --json", profile=None).out
    run("profiles delete mgr", profile=None)
    assert keyring.passwords == {}


def test_locked_keyring_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class LockedKeyring(Keyring):
        def get_password(self, service: str, name: str) -> str | None:
            threading.Event().wait(5)
            return None

    monkeypatch.setitem(sys.modules, "keyring", LockedKeyring())
    monkeypatch.setattr(keyring_storage, "is_available", lambda: True)
    monkeypatch.setattr(keyring_storage, "KEYRING_TIMEOUT", 0.05)
    assert keyring_storage.read("mgr") is None
    monkeypatch.setattr(LockedKeyring, "set_password", lambda *_: threading.Event().wait(5))
    with pytest.raises(CfyError, match="does not open"):
        keyring_storage.store("mgr", "pw")


def test_profile_name_defaults_to_host_of_url(run: Run, workdir: Path) -> None:
    run("profiles use https://mgr.example.com:8443 -T tok --skip-credentials-validation", profile=None)
    profile = read_profile(workdir, "mgr.example.com")
    assert (profile["manager_ip"], profile["rest_port"], profile["rest_protocol"]) == ("mgr.example.com", 8443, "https")


def test_profile_of_another_manager_keeps_the_name_local(run: Run, workdir: Path, wire: responses.RequestsMock) -> None:
    write_profile(workdir, "local")
    wire.get("http://mgr/api/v3.1/sites", json={"items": [], "metadata": {"pagination": {"total": 0}}})
    run("sites list", profile=None)  # of that manager
    for line in ("manager start", "manager status", "init -r"):
        refused = run(line, profile=None, code=1).err
        assert "Profile `local` is that of another manager, mgr" in refused
    assert read_profile(workdir, "local")["manager_ip"] == "mgr"
    run("profiles set --profile-name mine", profile=None)
    for line in ("profiles set --profile-name local", "profiles use mgr --profile-name local -u ann -p pw"):
        assert "cannot be named `local`" in run(line, profile=None, code=2).err
    run("profiles use local", profile=None)
    assert read_profile(workdir, "mine")["manager_ip"] == "mgr"
