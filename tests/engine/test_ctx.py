"""Commands of the ctx program: their output, and the data that they store."""

import subprocess
import time

import pytest

from cfy_cli.manager.engine.context.program import PYTHON
from cfy_cli.manager.engine.context.server import shared_server
from tests.engine.deployment import node, operation, relationship

PROPERTIES = {
    "conf": {"a": {"b": [10, {"c": "deep"}]}, "n": None, "t": True, "i": 7, "f": 1.5, "s": "str"},
    "listy": [1, "two", {"three": 3}],
    "zero": 0,
    "void": {},
}


@pytest.fixture
def ctx(deployment):
    """`ctx(words)` runs ctx in a script and returns its status and output, with stderr after a bar."""

    def run(*lines, relation=False):
        body = "\n".join(f'out=$(ctx {line} 2>$PWD/err); echo "$? [$out]$(sed "s/^/ | /" $PWD/err)"' for line in lines)
        create = operation("t.sh")
        if relation:
            nodes = [
                node("db", properties={"port": 1}),
                node("a", to=(relationship("db", source={"establish": create}),)),
            ]
        else:
            host = node(
                "h",
                types=("cloudify.nodes.Compute",),
                properties={"ip": "10.1.2.3", "agent_config": {"install_method": "none"}},
            )
            nodes = [
                host,
                node("a", {"create": create}, properties=PROPERTIES, host="h", types=("w.N",), to=(relationship("h"),)),
            ]
        run.deployment = deployment(*nodes).script("t.sh", f"#!/bin/bash\n{body}\n")
        run.deployment.script("res/plain.txt", "plain resource\n")
        run.result = run.deployment.run("install")
        return [line.removeprefix("<out> ") for line in run.deployment.logs if line.startswith("<out> ")]

    return run


@pytest.mark.parametrize(
    ("words", "output"),
    [
        ("node id", "a"),
        ("node name", "a"),
        ("node type", "w.N"),
        ("node type-hierarchy", "['cloudify.nodes.Root', 'w.N']"),
        ("node type_hierarchy", "['cloudify.nodes.Root', 'w.N']"),
        ("node properties conf.a.b", "[10, {'c': 'deep'}]"),
        ("node properties listy[1]", "two"),
        ("node properties conf.a.b[1].c", "deep"),
        ("node properties conf.t", "True"),
        ("node properties conf.f", "1.5"),
        ("node properties conf.n", ""),
        ("node properties zero", ""),
        ("node properties void", ""),
        ("-j node properties conf.n", "null"),
        ("-j node properties zero", "0"),
        ("-j node properties void", "{}"),
        ("-j node properties conf.s", '"str"'),
        ("--json-output node properties conf.a", '{"b": [10, {"c": "deep"}]}'),
        ("instance id", "a_1"),
        ("instance index", "1"),
        ("instance host_ip", "10.1.2.3"),
        ("instance host-ip", "10.1.2.3"),
        ("instance runtime-properties", ""),
        ("-j instance runtime-properties", "{}"),
        ("instance update", ""),
        ("blueprint id", "bp"),
        ("deployment id", "dep"),
        ("deployment display_name", "The deployment"),
        ("tenant-name", "default_tenant"),
        ("tenant", "{'name': 'default_tenant'}"),
        ("tenant name", "default_tenant"),
        ("execution-id", "exec"),
        ("workflow_id", "install"),
        ("type", "node-instance"),
        ("operation name", "cloudify.interfaces.lifecycle.create"),
        ("-j operation retry-number", "0"),
        ("plugin name", "script"),
        ("task-name", "script_runner.tasks.run"),
        ("capabilities get-all", "{'h_1': {}}"),
        ("get-resource res/plain.txt", "plain resource"),
        ("--timeout 3 node id", "a"),
        ("node properties conf.s -j", '"str"'),
        ("deployment tenant-name", "default_tenant"),
        ("deployment resource-tags -j", "{}"),
        ("plugin properties -j", "{}"),
    ],
)
def test_ctx_prints_value(ctx, words, output):
    assert ctx(words) == [f"0 [{output}]"]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ("node properties conf.nope", 1, "ctx: There is no conf.nope."),
        ("node properties listy.1", 1, "ctx: There is no listy.1."),
        ("node properties conf.s new", 1, "ctx: The properties of a node cannot be changed; runtime properties can."),
        ("instance runtime-properties nosuch", 1, "ctx: There is no nosuch."),
        ("node instances", 1, "There is no command `ctx node instances`; `ctx node` has id, name, properties"),
        ("nosuch", 1, "There is no command `ctx nosuch`; `ctx` has abort-operation, agent, blueprint, capabilities"),
        ("logger nolevel x", 1, "There is no command `ctx logger nolevel`"),
        ("logger info", 2, "`ctx logger info` needs a message."),
        ("-v node id", 2, "There is no option -v."),
        ("", 2, "A command is missing."),
        ("instance runtime-properties a @{", 2, "must be JSON, and it is not"),
        ("source node id", 1, "Only an operation of a relationship has a source."),
        ("get-resource res/none.txt", 1, "There is no res/none.txt in the folder of the blueprint bp."),
        ("get-resource ../../etc/passwd", 1, "There is no ../../etc/passwd"),
        ("get-resource res", 1, "ctx: res is not a file."),
        ("get-resource", 2, "The path of a file of the blueprint is missing."),
        ("get-resource-and-render res", 1, "ctx: res is not a file."),
        ("download-resource", 2, "The path of a file of the blueprint is missing."),
        (
            "download-resource res/plain.txt /no/where",
            1,
            "ctx: res/plain.txt cannot be copied to /no/where: No such file or directory.",
        ),
        ("download-resource-and-render res/plain.txt @[1]", 2, "the variables as a JSON map"),
        ("download-directory res/plain.txt", 1, "ctx: res/plain.txt is not a folder."),
        ("instance id extra", 2, "There is no argument 'extra'"),
        ("execution-id extra", 2, "There is no argument 'extra'"),
        ("send-event", 2, "`ctx send-event` needs a message."),
    ],
)
def test_ctx_error_has_status_and_message(ctx, words, status, message):
    (line,) = ctx(words)
    assert line.startswith(f"{status} [] | ")
    assert message in line


def test_ctx_help_is_printed(ctx):
    assert ctx("-h")[0].startswith("0 [usage: ctx")


def test_runtime_properties_are_stored_as_text_or_json(ctx):
    ctx(
        "instance runtime-properties s hello",
        "instance runtime-properties num 12",
        "instance runtime-properties atnum @12",
        """instance runtime-properties d '@{"k": [1, true, null]}'""",
        "instance runtime-properties d.new @false",
        "instance runtime-properties deep.er.est v",
        "instance runtime-properties d.k[1] @9",
        "instance runtime-properties empty ''",
        "--json-arg-prefix _ instance runtime-properties pfx _3",
        "instance runtime-properties two 'a b  c'",
        "instance runtime-properties u héllo",
    )
    assert ctx.deployment.properties("a_1") == {
        "s": "hello",
        "num": "12",
        "atnum": 12,
        "d": {"k": [1, 9, None], "new": False},
        "deep": {"er": {"est": "v"}},
        "empty": "",
        "pfx": 3,
        "two": "a b  c",
        "u": "héllo",
    }


def test_runtime_property_is_readable_after_write(ctx):
    assert ctx("instance runtime-properties s hello", "instance runtime-properties s")[1] == "0 [hello]"


def test_large_runtime_property_is_stored_whole(ctx):
    ctx(
        "instance runtime-properties big $(head -c 100000 /dev/zero | tr '\\0' x)",
        "instance runtime-properties size $(ctx instance runtime-properties big | wc -c)",
    )
    assert ctx.deployment.properties("a_1")["size"] == "100000"


def test_relationship_operation_reads_and_writes_both_ends(ctx):
    output = ctx(
        "type",
        "source node id",
        "target instance id",
        "target node properties port",
        "source instance runtime-properties from_rel s",
        "target instance runtime-properties from_rel t",
        "instance id",
        relation=True,
    )
    assert output[:4] == ["0 [relationship-instance]", "0 [a]", "0 [db_1]", "0 [1]"]
    assert output[6].startswith("1 [] | ctx: This is an operation of a relationship")
    assert ctx.deployment.properties("a_1") == {"from_rel": "s"}
    assert ctx.deployment.properties("db_1") == {"from_rel": "t"}


@pytest.mark.parametrize(
    ("level", "stored"),
    [
        ("debug", "debug"),
        ("info", "info"),
        ("warn", "warning"),
        ("warning", "warning"),
        ("error", "error"),
        ("critical", "critical"),
    ],
)
def test_logger_stores_level_and_operation(ctx, level, stored):
    ctx(f"logger {level} 'a message'")
    (event,) = [event for event in ctx.deployment.records.events if event.message == "a message"]
    assert (event.type, event.level, event.node_instance_id) == ("cloudify_log", stored, "a_1")
    assert event.operation == "cloudify.interfaces.lifecycle.create"


def test_logger_in_relationship_stores_both_ends(ctx):
    ctx("logger info here", relation=True)
    (event,) = [event for event in ctx.deployment.records.events if event.message == "here"]
    assert (event.source_id, event.target_id) == ("a_1", "db_1")


def test_send_event_emits_plugin_event(ctx):
    ctx("send-event 'something happened'")
    assert [event.message for event in ctx.deployment.records.events if event.event_type == "plugin_event"] == [
        "something happened"
    ]


def test_returns_sets_operation_result(ctx):
    ctx("""returns '@{"a": 1}'""")
    assert "Task succeeded 'script_runner.tasks.run' - {'a': 1}" in ctx.deployment.messages


def test_download_resource_copies_to_target_or_new_folder(ctx, tmp_path):
    (default, chosen) = ctx("download-resource res/plain.txt", f"download-resource res/plain.txt {tmp_path}/copy")
    assert chosen == f"0 [{tmp_path}/copy]"
    assert (tmp_path / "copy").read_text() == "plain resource\n"
    assert default.startswith(f"0 [{ctx.deployment.workdir}/downloads/")


def test_download_target_is_relative_to_working_directory(deployment, tmp_path):
    script = (
        f"#!/bin/bash\ncd {tmp_path}; mkdir in; for target in copy in; do ctx download-resource plain.txt $target; done"
    )
    placed = deployment(node("a", {"create": operation(source=script)})).script("plain.txt", "plain\n")
    assert placed.run("install").state == "terminated"
    assert (tmp_path / "copy").read_text() == (tmp_path / "in" / "plain.txt").read_text() == "plain\n"


def test_download_directory_copies_folder(deployment, tmp_path):
    script = f"#!/bin/bash\ncat $(ctx download-directory res)/sub/one; ctx download-directory res {tmp_path}/copy"
    whole = deployment(node("a", {"create": operation(source=script)})).script("res/sub/one", "first\n")
    whole.run("install")
    assert "<out> first" in whole.logs
    assert (tmp_path / "copy" / "sub" / "one").read_text() == "first\n"


@pytest.mark.parametrize("program", ["bash", "python"])
def test_get_resource_prints_binary_file_unchanged(deployment, monkeypatch, tmp_path, program):
    if program == "python":
        (tmp_path / "ctx").write_text(f"#!/usr/bin/env python3\n{PYTHON}")
        (tmp_path / "ctx").chmod(0o755)
        monkeypatch.setattr(shared_server(), "programs", tmp_path)
    script = f"#!/bin/bash\nfor size in 9 9000; do ctx get-resource bytes.$size > {tmp_path}/$size; done"
    binary = deployment(node("a", {"create": operation(source=script)}))
    contents = {size: (b"caf\xe9\n\0z" + bytes(range(256)) * 40)[:size] for size in (9, 9000)}
    for size, content in contents.items():
        (binary.resources / f"bytes.{size}").write_bytes(content)
    assert binary.run("install").state == "terminated"
    assert {size: (tmp_path / str(size)).read_bytes() for size in contents} == contents


def test_plugin_workdir_is_created(deployment):
    there = deployment(node("a", {"create": operation(source="#!/bin/bash\ncd $(ctx plugin workdir) && pwd")}))
    there.run("install")
    assert there.logs == [f"<out> {there.workdir}/plugins/script"]


def test_script_that_installs_an_agent_is_printed(deployment):
    """There is none without a broker."""
    commands = ("ctx agent init-script", """ctx agent init-script '@{"user": "u"}'""", "ctx agent init_script u 2>&1")
    create = operation(source="#!/bin/bash\n" + "\n".join(f'echo "[$({command})]"' for command in commands))
    for has_agents, printed in ((False, ["[]", "[]"]), (True, ["[of a_1: None]", "[of a_1: {'user': 'u'}]"])):
        one = deployment(node("a", {"create": create}))
        one.records.has_agents = lambda has_agents=has_agents: has_agents
        one.records.agent_script = lambda host_id, agent_config: f"of {host_id}: {agent_config}"
        one.run("install")
        *scripts, refusal = (line.removeprefix("<out> ") for line in one.logs)
        assert scripts == printed
        assert "is a JSON object" in refusal


def test_concurrent_updates_of_one_instance_are_all_stored(deployment):
    script = "#!/bin/bash\nctx target instance runtime-properties seen.$(ctx source instance id) @true\n"
    link = relationship("hub", source={"establish": operation("w.sh")})
    many = deployment(node("hub"), node("a", to=(link,), count=20)).script("w.sh", script)
    read = many.records.instance

    def slowly(instance_id, **options):
        instance = read(instance_id, **options)
        time.sleep(0.005)  # others write meanwhile
        return instance

    many.records.instance = slowly
    assert many.run("install", concurrency=20).state == "terminated"
    assert many.properties("hub_1") == {"seen": {f"a_{index}": True for index in range(1, 21)}}


def test_ctx_proxy_type_none_sets_no_address(deployment):
    alone = deployment(
        node("a", {"create": operation(source="#!/bin/bash\nctx node id; echo $?", process={"ctx_proxy_type": "none"})})
    )
    alone.run("install")
    assert sorted(alone.logs) == ["<err> ctx: no operation is running: CTX_SOCKET_URL is not set.", "<out> 1"]


def test_ctx_fails_after_operation_has_ended(deployment):
    ended = deployment(node("a", {"create": operation(source="#!/bin/bash\necho $CTX_SOCKET_URL")}))
    ended.run("install")
    its_own = ended.logs[0].removeprefix("<out> ")
    for url in (its_own, shared_server().url("guess"), "tcp://127.0.0.1:1/guess"):
        done = subprocess.run(
            [str(shared_server().programs / "ctx"), "node", "id"],
            env={"CTX_SOCKET_URL": url, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "ctx: the operation that this belongs to has ended.\n"


def test_ctx_program_in_python_without_bash(deployment, monkeypatch, tmp_path):
    (tmp_path / "ctx").write_text(f"#!/usr/bin/env python3\n{PYTHON}")
    (tmp_path / "ctx").chmod(0o755)
    monkeypatch.setattr(shared_server(), "programs", tmp_path)
    script = (
        "#!/bin/sh\nctx instance runtime-properties two 'a b'\n"
        "ctx -j instance runtime-properties\necho\nctx no; echo $?"
    )
    plain = deployment(node("a", {"create": operation(source=script)}))
    plain.run("install")
    assert [line for line in plain.logs if line.startswith("<out>")] == ['<out> {"two": "a b"}', "<out> 1"]
