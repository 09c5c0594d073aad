"""The main job on a manager of two servers, two workers, an agent, a broker and PostgreSQL, through kills of them."""

import json
import os
import random
import shlex
import signal
import time
from collections import Counter
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from click.testing import CliRunner

from cfy_cli.config.profiles import Profile
from cfy_cli.main import main
from cfy_cli.manager import control
from cfy_cli.shell.app import App
from tests.brokers import OwnBroker
from tests.manager.agent_host import Host, kill_trees
from tests.manager.processes import child_pids, kill, wait_until
from tests.manager.several_machines import PASSWORD, LoadBalancer, Machines

SERVERS, WORKERS = ("server-1", "server-2"), ("worker-1", "worker-2")
PARTS = (*SERVERS, *WORKERS, "engine", "operations worker", "scheduler", "agent", "broker", "database")
ENDED = ("completed", "failed", "cancelled")
SECRET = "Vhx81-hidden-0qPz"
TICKS = 4  # schedules that are due while a part is killed
BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {{folder: {{type: string}}}}
dsl_definitions:
  work: &work {{implementation: work.sh, max_retries: 60, retry_interval: 1, inputs: &inputs {{
    folder: {{get_input: folder}}, password: {{get_secret: password}}}}}}
  on_host: &on_host {{<<: *work, executor: host_agent}}
  wait: &wait {{implementation: wait.sh, inputs: *inputs}}
  lifecycle: &lifecycle {{create: *work, start: *work, stop: *work, delete: *work}}
node_templates:
  vm:
    type: cloudify.nodes.Compute
    properties: {{agent_config: {{install_method: provided, extra: {{manager_url: '{url}'}}}}}}
  app:
    type: cloudify.nodes.SoftwareComponent
    relationships: [{{type: cloudify.relationships.contained_in, target: vm}}]
    interfaces:
      cloudify.interfaces.lifecycle: {{create: *on_host, configure: *work, start: *on_host, stop: *on_host}}
      own: {{touch: *on_host}}
  db: {{type: cloudify.nodes.Root, interfaces: {{cloudify.interfaces.lifecycle: *lifecycle, own: {{wait: *wait}}}}}}
  web:
    type: cloudify.nodes.Root
    instances: {{deploy: 2}}
    relationships: [{{type: cloudify.relationships.depends_on, target: db}}]
    interfaces: {{cloudify.interfaces.lifecycle: *lifecycle}}
{more}
"""
MORE = "  more: {type: cloudify.nodes.Root, interfaces: {cloudify.interfaces.lifecycle: *lifecycle}}"
SMALL = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {folder: {type: string}}
node_templates:
  one:
    type: cloudify.nodes.Root
    interfaces: {cloudify.interfaces.lifecycle: {create: &work {implementation: work.sh, inputs: {
      folder: {get_input: folder}, password: {get_secret: password}}}, delete: *work}, own: {tick: *work}}
"""
WORK = """#!/bin/bash
set -e
me="$(ctx execution-id) $(ctx instance id) $(ctx operation name)"
exec 9>"$folder/${me// /.}.lock"
flock -n 9 || echo "overlap $me $EPOCHREALTIME" >> "$folder/lines"
echo "begin $me $EPOCHREALTIME" >> "$folder/lines"
echo "the password is $password"
sleep "0.$((RANDOM % 6 + 2))" 9>&-
ctx instance runtime-properties "$(ctx operation name)" "$(ctx execution-id)" 9>&-
echo "end $me $EPOCHREALTIME" >> "$folder/lines"
"""
WAIT = WORK.replace("sleep", 'until [ -e "$folder/go" ]; do sleep 0.1; done; sleep', 1)


class Tour:
    def __init__(self, machines: Machines, balancer: LoadBalancer, broker: OwnBroker, folder: Path) -> None:
        self._machines, self._balancer, self._broker, self._folder = machines, balancer, broker, folder
        self._chance = random.Random()
        self._host: Host | None = None
        self._script = ""

    def cfy(self, line: str) -> str:
        profile = Profile(
            name="test", manager_ip="127.0.0.1", rest_port=self._balancer.port, manager_username="admin",
            manager_password=PASSWORD,
        )  # fmt: skip
        result = CliRunner().invoke(main, shlex.split(line), obj=App(profile=profile, environ={"NO_COLOR": "1"}))
        assert result.exit_code == 0, f"{line}: exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def close(self) -> None:
        if self._host is not None and self._host.is_started():
            kill_trees([self._host.pid])

    def go_round(self, number: int, victim: str, seed: int) -> None:
        """Do the main job while one part is killed during the install, and any of them during one step after it."""
        self._chance.seed(seed)
        folder, name = self._folder / f"round-{number}", f"d{number}"
        folder.mkdir()
        self.cfy(f"secrets create password -s {SECRET} -u")
        for suffix, more in (("", ""), ("-more", MORE)):
            self._upload(f"b{number}{suffix}", BLUEPRINT.format(url=self._url, more=more))
        self._upload(f"small{number}", SMALL)
        self._tick(number, folder)
        self.cfy(f"deployments create {name} -b b{number} -i folder={folder}")
        vm, db = self._instances(name, "vm")[0], self._instances(name, "db")[0]
        self._host, self._script = Host(folder / "host"), self.cfy(f"agents script {vm}")
        self._host.run(self._script)
        self._run(folder, name, "executions start install -d NAME --no-wait", victim)
        steps = [
            "executions start scale -d NAME -p scalable_entity_name=web -p delta=1 --no-wait",
            f"executions start heal -d NAME -p node_instance_id={db} -p force_reinstall=true"
            " --allow-custom-parameters --no-wait",
            f"deployments update NAME -b b{number}-more --no-wait",
            "executions start execute_operation -d NAME -p operation=own.touch -p node_ids=[app] --no-wait",
        ]
        killed = self._chance.randrange(len(steps))
        for index, step in enumerate(steps):
            self._run(folder, name, step, self._chance.choice(PARTS) if index == killed else "")
        self._cancel_and_resume(folder, name)
        self._use_group(number, folder)
        self._run(folder, name, "executions start uninstall -d NAME --no-wait", "")
        self._wait(lambda: self.cfy("agents list --all-states --json").strip() == "[]")
        self.cfy(f"deployments delete {name}")
        self._check_ticks(number, folder)
        assert "overlap" not in (folder / "lines").read_text()

    def begin_watch(self) -> None:
        """Have an agent, beside the other parts."""
        self.cfy(f"secrets create password -s {SECRET} -u")
        self._upload("watched", BLUEPRINT.format(url=self._url, more=""))
        self.cfy(f"deployments create watched -b watched -i folder={self._folder}")
        self._host = Host(self._folder / "host")
        self._script = self.cfy(f"agents script {self._instances('watched', 'vm')[0]}")
        self._host.run(self._script)
        self._wait(self._is_healthy)

    def watch_the_end(self, part: str) -> float:
        """Kill a part that nobody starts again; return the seconds until that is told, and wait until it is back."""
        role = {"engine": WORKERS[0], "operations worker": WORKERS[0], "scheduler": SERVERS[0]}.get(part)
        supervisor = self._machines.running[role].pid if role else 0
        if role:
            os.kill(supervisor, signal.SIGSTOP)
        begun = time.monotonic()
        self._end(part, 0)
        self._wait(lambda: self._is_told(part))
        seconds = time.monotonic() - begun
        if part in (*SERVERS, "broker"):
            nodes = "managers" if part in SERVERS else "cluster brokers"
            assert "Inactive" in self.cfy(f"{nodes} list --columns status")
        if role:
            os.kill(supervisor, signal.SIGCONT)
        self._resume(part)
        self._wait(lambda: self._is_healthy() and not self._is_told(part))
        return seconds

    def _is_told(self, part: str) -> bool:
        if part == "agent":
            (agent,) = json.loads(self.cfy("agents list --all-states --json"))
            return bool(agent["state"] == "nonresponsive")
        try:
            shown = self.cfy("cluster status --json")
        except AssertionError as error:
            return part == "database" and "database" in str(error)
        failures = [
            f"{service} {failure}"
            for service, each in json.loads(shown)["services"].items()
            for node in each["nodes"].values()
            for failure in node["failures"]
        ]
        words = {
            "broker": ("RabbitMQ is not", "Redis is not"),
            "database": ("none",),
            "engine": ("Management Worker is",),
        }
        words |= dict.fromkeys(SERVERS, ("Webserver is",)) | dict.fromkeys(WORKERS, ("Management Worker is",))
        words |= {"scheduler": ("Scheduler is",), "operations worker": ("Operations Worker is",)}
        is_named = [failure for failure in failures if any(word in failure for word in words[part])]
        return bool(is_named) and (part == "broker" or "it was last seen at 20" in is_named[0])

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._balancer.port}"

    def _upload(self, name: str, text: str) -> None:
        folder = self._folder / name
        folder.mkdir()
        for file, content in (("blueprint.yaml", text), ("work.sh", WORK), ("wait.sh", WAIT)):
            (folder / file).write_text(content)
        self.cfy(f"blueprints upload -b {name} {folder}/blueprint.yaml")

    def _instances(self, deployment: str, node: str) -> list[str]:
        listed = json.loads(self.cfy(f"node-instances list -d {deployment} --json"))
        return [each["id"] for each in listed if each["node_id"] == node]

    def _run(self, folder: Path, name: str, command: str, victim: str) -> None:
        """Start an execution, kill a part while it runs, and look whether all was done, and nothing twice."""
        before = len(_lines(folder))
        self.cfy(command.replace("NAME", name))
        listed = json.loads(self.cfy(f"executions list -d {name} --sort-by created_at --descending --json"))
        execution = listed[0]["id"]
        if victim:
            wait_until(lambda: len(_lines(folder)) > before)
            time.sleep(self._chance.uniform(0, 1.5))
            begun = time.monotonic()
            self._end(victim)
            self._resume(victim)
        self._wait(lambda: self._status(execution) in ENDED)
        ended = json.loads(self.cfy(f"executions get {execution} --json"))
        assert ended["status"] == "completed", (victim, command, ended["error"])
        if victim:
            print(f"  {victim} killed in {command.split()[2]}: {time.monotonic() - begun:.1f} s", flush=True)
            wait_until(self._is_healthy, 120)
        self._check(folder, execution, victim)

    def _check(self, folder: Path, execution: str, victim: str) -> None:
        printed = self.cfy(f"events list {execution} --include-logs --json --limit 100000")
        assert SECRET not in printed
        events = [json.loads(line) for line in printed.splitlines()]
        succeeded = {
            f"{each['node_instance_id']} {each['operation']}": each["timestamp"]
            for each in events
            if each.get("event_type") == "task_succeeded" and each["node_instance_id"]
        }
        times: dict[str, list[float]] = {}
        counts: Counter[str] = Counter()
        for line in _lines(folder):
            kind, of, instance, operation, at = line.split()
            if of == execution:
                counts[kind] += 1
                times.setdefault(f"{instance} {operation}", []).append(float(at)) if kind == "begin" else None
        assert times, "something was run"
        for operation, begun in times.items():
            assert operation in succeeded, (victim, operation)
            assert max(begun) <= _seconds(succeeded[operation]), (victim, operation, "was run after it had succeeded")
            assert len(begun) <= (2 if victim else 1), (victim, operation, begun)

    def _cancel_and_resume(self, folder: Path, name: str) -> None:
        before = len(_lines(folder))
        self.cfy(f"executions start execute_operation -d {name} -p operation=own.wait -p node_ids=[db] --no-wait")
        listed = json.loads(self.cfy(f"executions list -d {name} --sort-by created_at --descending --json"))
        execution = listed[0]["id"]
        wait_until(lambda: len(_lines(folder)) > before)
        self.cfy(f"executions cancel {execution} --kill")
        self._wait(lambda: self._status(execution) == "cancelled")
        (folder / "go").touch()
        self.cfy(f"executions resume {execution} --reset-operations")
        self._wait(lambda: self._status(execution) in ENDED)
        assert self._status(execution) == "completed"

    def _use_group(self, number: int, folder: Path) -> None:
        self.cfy(f"deployments groups create g{number} -b small{number} -i folder={folder}")
        self.cfy(f"deployments groups extend g{number} --count 3")
        running = "executions list --include-system-workflows --json --query \"[?status!='completed'].id\""
        self._wait(lambda: json.loads(self.cfy(running)) == [])  # their environments are made
        for workflow in ("install", "uninstall"):
            before = len(_lines(folder))
            self.cfy(f"executions groups start -g g{number} {workflow}")
            assert len(_lines(folder)) - before == 6, "three operations have begun and ended"
        self.cfy(f"deployments groups delete g{number} --delete-deployments")

    def _tick(self, number: int, folder: Path) -> None:
        """Have an operation run by schedules while a part is killed."""
        self.cfy(f"deployments create tick{number} -b small{number} -i folder={folder}/ticks")
        (folder / "ticks").mkdir()
        for tick in range(TICKS):
            self.cfy(
                f"deployments schedule create tick{number} execute_operation -n tick{tick} -p operation=own.tick"
                f" -s '+{6 + 2 * tick} seconds' -c 1 --slip 10"
            )

    def _check_ticks(self, number: int, folder: Path) -> None:
        def executions() -> list[dict[str, str]]:
            listed: list[dict[str, str]] = json.loads(self.cfy(f"executions list -d tick{number} --json"))
            return [each for each in listed if each["workflow_id"] == "execute_operation"]

        self._wait(lambda: len(executions()) >= TICKS and all(each["status"] in ENDED for each in executions()))
        assert [each["status"] for each in executions()] == ["completed"] * TICKS
        ended = Counter(line.split()[1] for line in _lines(folder / "ticks") if line.startswith("end"))
        assert len(ended) == TICKS, ended

    def _status(self, execution: str) -> str:
        return str(json.loads(self.cfy(f"executions get {execution} --json"))["status"])

    def _wait(self, condition: object) -> None:
        """Wait for something that can be asked only while the servers answer."""

        def holds() -> bool:
            with suppress(AssertionError):
                return bool(condition())  # type: ignore[operator]
            return False

        wait_until(holds, 180)

    def _is_healthy(self) -> bool:
        with suppress(AssertionError):
            return bool(json.loads(self.cfy("cluster status --json"))["status"] == "OK")
        return False

    def _end(self, part: str, machine: int | None = None) -> None:
        """Kill a part; of those that several machines have, the one of a machine, by default of any."""
        if part in (*SERVERS, *WORKERS):
            self._machines.kill(part)
        elif part == "broker":
            self._broker.kill()
        elif part == "database":
            self._machines.database.interrupt()
        elif part == "agent":
            assert self._host is not None
            if self._host.is_started():
                kill([self._host.pid, *child_pids(self._host.pid)])
        else:
            role, index = {"scheduler": (SERVERS, 0), "engine": (WORKERS, 0), "operations worker": (WORKERS, -1)}[part]
            name = self._chance.choice(role) if machine is None else role[machine]
            running = control.status(self._folder / name)
            assert running is not None
            with suppress(ProcessLookupError):
                os.kill(running.workers[index], signal.SIGKILL)

    def _resume(self, part: str) -> None:
        if part in ("broker", "database"):
            time.sleep(self._chance.uniform(0, 3))
            self._broker.start() if part == "broker" else self._machines.database.resume()
        elif part in (*SERVERS, *WORKERS):
            time.sleep(self._chance.choice((0, 25)))  # others have to continue what it has begun, or it has itself
            self._machines.start(part)
        elif part == "agent":
            assert self._host is not None
            self._host.run(self._script)


def _lines(folder: Path) -> list[str]:
    file = folder / "lines"
    return file.read_text().splitlines() if file.exists() else []


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()
