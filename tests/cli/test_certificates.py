"""Tests of `cfy certificates` and `cfy cluster update-profile`, with managers on one machine and on several."""

from pathlib import Path
from typing import Any

import pytest
import responses
import yaml

from tests.conftest import Cfy

from .conftest import Run
from .test_profiles import read_profile, write_profile

API = "http://mgr/api/v3.1"
MANAGERS = [
    {"hostname": name, "private_ip": f"10.0.0.{number}", "public_ip": f"1.2.3.{number}", "distribution": "redhat"}
    for number, name in ((1, "a"), (2, "b"))
]
BROKERS = [{"name": "rabbit", "host": "10.0.0.3", "port": 5671}]
DATABASES = [{"name": "db", "host": "10.0.0.4"}]


def answer(wire: responses.RequestsMock, managers: list[Any], brokers: list[Any], databases: list[Any]) -> None:
    for path, items in (("managers", managers), ("brokers", brokers), ("db-nodes", databases)):
        wire.get(f"{API}/{path}", json={"items": items, "metadata": {}})
    wire.get(f"{API}/users/ann", json={"username": "ann", "role": "sys_admin"})


@pytest.fixture
def cluster(workdir: Path, wire: responses.RequestsMock) -> None:
    wire.assert_all_requests_are_fired = False
    stored = {"hostname": "a", "host_ip": "first", "ssh_user": "ops"}
    write_profile(workdir, cluster={"manager": [stored, {"hostname": "gone", "host_ip": "x"}]})
    answer(wire, MANAGERS, BROKERS, DATABASES)


@pytest.mark.usefixtures("cluster")
def test_profile_gets_the_nodes_of_the_cluster(run: Run, workdir: Path) -> None:
    assert run("cluster update-profile", profile=None).out == "Profile `mgr` is up to date with 4 nodes\n"
    stored = read_profile(workdir, "mgr")["cluster"]
    assert stored["manager"] == [
        {"hostname": "a", "host_ip": "first", "ssh_user": "ops"},
        {"hostname": "b", "host_type": "manager", "host_ip": "1.2.3.2"},
    ]
    assert stored["broker"] == [{"hostname": "rabbit", "host_type": "broker", "host_ip": "10.0.0.3"}]
    assert stored["db"] == [{"hostname": "db", "host_type": "db", "host_ip": "10.0.0.4"}]


@pytest.mark.usefixtures("cluster")
def test_configuration_names_every_machine(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "certificates.yaml"
    assert f"saved to {file}" in run(f"certificates generate-replace-config -o {file}", profile=None).out
    config = yaml.safe_load(file.read_text())
    assert [member["host_ip"] for member in config["manager"]["cluster_members"]] == ["10.0.0.1", "10.0.0.2"]
    assert set(config["rabbitmq"]["cluster_members"][0]) == {
        "host_ip", "new_cert", "new_key", "new_prometheus_cert", "new_prometheus_key", "new_prometheus_ca_cert",
        "new_prometheus_ca_key",
    }  # fmt: skip
    config["manager"]["cluster_members"][0]["new_internal_cert"] = str(file)
    config["rabbitmq"]["new_ca_cert"] = "/nowhere.pem"
    file.write_text(yaml.safe_dump(config))
    refused = run(f"certificates replace -i {file}", profile=None, code=1).err
    assert "manager.cluster_members.new_internal_cert: new_internal_key is needed with it" in refused
    assert "rabbitmq.new_ca_cert: the file /nowhere.pem does not exist" in refused
    config["manager"]["cluster_members"][0]["new_internal_key"] = str(file)
    config["rabbitmq"]["new_ca_cert"] = ""
    file.write_text(yaml.safe_dump(config))
    assert "nothing was changed" in run(f"certificates replace -i {file}", profile=None, code=1).err
    assert "does not exist" in run("certificates replace -i absent.yaml", profile=None, code=1).err


def test_configuration_of_one_machine_has_one_part_each(
    run: Run, workdir: Path, wire: responses.RequestsMock, tmp_path: Path
) -> None:
    wire.assert_all_requests_are_fired = False
    write_profile(workdir)
    answer(wire, MANAGERS[:1], *([{"name": "all", "host": "10.0.0.1"}] for _ in range(2)))
    file = tmp_path / "certificates.yaml"
    run(f"certificates generate-replace-config -o {file}", profile=None)
    config = yaml.safe_load(file.read_text())
    assert list(config) == ["manager", "postgresql_server", "rabbitmq"]
    assert "new_postgresql_server_ca_key" in config["postgresql_server"]
    assert config["rabbitmq"] == {"new_rabbitmq_cert": "", "new_rabbitmq_key": ""}
    assert len(config["manager"]) == 15


def test_manager_of_this_program_has_no_certificates(cfy: Cfy) -> None:
    for line in ("certificates generate-replace-config -o c.yaml", "certificates replace"):
        cfy(line, code=1)
        assert "has no certificates that could be replaced: nothing was changed" in cfy.errors
    cfy("cluster update-profile", code=1)
    assert "nothing was changed" in cfy.errors
    assert not Path("c.yaml").exists()
