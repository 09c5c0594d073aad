"""Time to compile a blueprint and prepare a deployment of it, as a ratio to the time in which libyaml loads its text.

    python benchmarks/compile.py [--nodes 10 100 1000] [--oracle PYTHON]

With `--oracle`, a Python that has `cloudify-common[dispatcher]`, the public parser does the same work for comparison.
"""

import argparse
import gc
import json
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import yaml

from cfy_cli import dsl
from cfy_cli.dsl import bundled

HEADER = """\
tosca_definitions_version: cloudify_dsl_1_3
imports: [cloudify/types/types.yaml]
inputs:
  region: {default: north}
node_types:
  app:
    derived_from: cloudify.nodes.SoftwareComponent
    properties: {port: {type: integer, default: 80}, name: {}, settings: {default: {}}}
node_templates:
"""
HELLO = """\
tosca_definitions_version: cloudify_dsl_1_3
imports: [cloudify/types/types.yaml]
node_templates: {hello: {type: cloudify.nodes.Root}}
"""
HOST = """\
  host_{n}:
    type: cloudify.nodes.Compute
    properties: {{ip: 10.0.0.1, agent_config: {{install_method: none}}}}
"""
APP = """\
  app_{n}:
    type: app
    properties:
      name: {{concat: [app-, {{get_input: region}}, '-{n}']}}
      settings: {{deep: {{list: [1, 2, {{k: v}}], host: {{get_property: [host_{host}, ip]}}}}}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create:
          implementation: script.script_runner.tasks.run
          executor: central_deployment_agent
          inputs: {{name: {{get_property: [SELF, name]}}, ip: {{get_attribute: [host_{host}, ip]}}}}
    relationships:
      - {{type: cloudify.relationships.contained_in, target: host_{host}}}
"""
CONNECTION = "      - {{type: cloudify.relationships.connected_to, target: app_{previous}}}\n"

ORACLE = """\
import json, sys, time
from dsl_parser import parser, tasks
main, base = sys.argv[1:]
start = time.perf_counter()
tasks.prepare_deployment_plan(parser.parse_from_path(main, resources_base_path=base), lambda key: key, {})
print(json.dumps(time.perf_counter() - start))
"""


def build_blueprint(nodes: int) -> str:
    """Return a blueprint: every tenth node is a host of the next nine, each of which is connected to the previous."""
    parts, host = [HEADER], 0
    for n in range(nodes):
        if n % 10 == 0:
            host = n
            parts.append(HOST.format(n=n))
            continue
        parts.append(APP.format(n=n, host=host))
        if n % 10 > 1:
            parts.append(CONNECTION.format(previous=n - 1))
    return "".join(parts)


def median_seconds(work: Callable[[], object], times: int) -> float:
    durations = []
    for _ in range(times):
        gc.collect()
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)


def compile_and_prepare(main: Path) -> list[object]:
    plan = dsl.compile_blueprint(main)
    prepared = dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}))
    return list(dsl.create_instances(prepared))


def public_parser_seconds(python: str, main: Path) -> float:
    base = main.parent
    types = base / "cloudify" / "types"
    types.mkdir(parents=True, exist_ok=True)
    for path in bundled.FOLDER.glob("*.yaml"):
        (types / path.name).write_bytes(path.read_bytes())
    process = subprocess.run([python, "-c", ORACLE, str(main), str(base)], capture_output=True, text=True, check=True)
    return float(json.loads(process.stdout))


def measure_hello_world(folder: Path) -> None:
    """Print the times of the smallest blueprint: the first in a process, which reads the types, and a later one."""
    path = folder / "hello.yaml"
    path.write_text(HELLO)
    times = []
    for _ in range(2):
        start = time.perf_counter()
        compile_and_prepare(path)
        times.append(time.perf_counter() - start)
    print(f"hello world: {times[0]:.4f} s for the first one of a process, {times[1]:.4f} s for a later one\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--oracle", metavar="PYTHON", help="a Python that has the public parser")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure_hello_world(Path(folder))
        print(f"{'nodes':>6} {'libyaml s':>10} {'ours s':>10} {'ratio':>7} {'peak MB':>8} {'public parser s':>16}")
        for nodes in args.nodes:
            path = Path(folder) / f"blueprint_{nodes}.yaml"
            text = build_blueprint(nodes)
            path.write_text(text)
            times = 5 if nodes <= 1000 else 1
            compile_and_prepare(path)  # the base types are read once in a process
            baseline = median_seconds(partial(yaml.load, text, yaml.CSafeLoader), times)
            ours = median_seconds(partial(compile_and_prepare, path), times)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            theirs = f"{public_parser_seconds(args.oracle, path):.2f}" if args.oracle else "-"
            print(f"{nodes:>6} {baseline:>10.4f} {ours:>10.4f} {ours / baseline:>7.1f} {peak:>8} {theirs:>16}")


if __name__ == "__main__":
    main()
