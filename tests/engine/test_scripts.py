"""Scripts of operations: interpreters, environments, working directories and output."""

import json
import os
import time

import pytest

from tests.engine.deployment import node, operation, relationship


@pytest.fixture
def create(deployment):
    """Run an install of one node with this create operation and return the deployment."""

    def run(plan, files=None, **more):
        deployed = deployment(node("a", {"create": plan}))
        for name, text in (files or {}).items():
            deployed.script(name, text)
        deployed.result = deployed.run("install", **more)
        return deployed

    return run


def test_output_lines_are_logged_in_order(create):
    script = "#!/bin/bash\nfor i in $(seq 200); do echo line $i; done; printf 'no newline at the end'"
    assert create(operation(source=script)).logs == [
        *(f"<out> line {i}" for i in range(1, 201)),
        "<out> no newline at the end",
    ]


def test_stderr_is_logged_separately_unless_merged(create):
    script = "#!/bin/bash\necho one; echo two >&2"
    assert sorted(create(operation(source=script)).logs) == ["<err> two", "<out> one"]
    assert create(operation(source=script, process={"stderr_to_stdout": True})).logs == ["<out> one", "<out> two"]


def test_log_options_disable_output(create):
    quiet = create(
        operation(
            source="#!/bin/bash\necho one; echo two >&2; exit 1", process={"log_stdout": False, "log_stderr": False}
        )
    )
    assert quiet.logs == []
    assert "stdout: one\n, stderr: two" in quiet.result.error


def test_output_line_is_logged_while_script_runs(deployment):
    seen = []
    slow = deployment(node("a", {"create": operation(source="#!/bin/bash\necho early; sleep 0.5; echo late")}))
    slow.records.on_emit = lambda event: seen.append((event.message, time.monotonic()))
    slow.run("install")
    when = dict(seen)
    assert when["<out> late"] - when["<out> early"] > 0.4


def test_invalid_utf8_in_output_is_replaced(create):
    assert create(operation(source="#!/bin/bash\nprintf 'caf\\xc3\\xa9 \\xff\\n'")).logs == ["<out> café \ufffd"]


def test_truncated_character_at_end_is_replaced(create):
    assert create(operation(source="#!/bin/bash\nprintf 'caf\\xc3'")).logs == ["<out> caf\ufffd"]


def test_long_line_is_split_and_only_tail_is_kept(create):
    script = "#!/bin/bash\nhead -c 300000 /dev/zero | tr '\\0' x; exit 1"
    much = create(operation(source=script))
    assert sum(len(line.removeprefix("<out> ")) for line in much.logs) == 300000
    assert len(much.result.error) < 20000


def test_excessive_output_logs_beginning_and_end(create):
    script = "#!/bin/bash\nfor i in 1 2 3; do echo first $i; done; yes filling | head -n 200000; echo last"
    logs = create(operation(source=script)).logs
    assert logs[:4] == ["<out> first 1", "<out> first 2", "<out> first 3", "<out> filling"]
    assert logs[-2:] == ["<out> filling", "<out> last"]
    assert len(logs) < 100_000
    logged = sum(line == "<out> filling" for line in logs)
    assert any(f" MB, {200000 - logged} lines, were left out" in line for line in logs)


def test_excessive_output_in_one_line_is_limited(create):
    script = "#!/bin/bash\nhead -c 40000000 /dev/zero | tr '\\0' x"
    logs = create(operation(source=script)).logs
    assert sum(map(len, logs)) < 18_000_000
    assert " MB, " in logs[-1]


def test_windows_line_ends_in_shell_script_log_warning(create):
    ended = create(operation(script="scripts/dos.sh"), {"scripts/dos.sh": "#!/bin/bash\r\ntrue\r\n"})
    assert ended.logs[0] == ("scripts/dos.sh has Windows line ends (CRLF): the shell takes the CR as a part of words.")
    assert create(operation(script="scripts/dos.py"), {"scripts/dos.py": "#!/usr/bin/python\r\nprint(1)\r\n"}).logs == [
        "<out> 1"
    ]


def test_byte_order_mark_before_shebang_is_ignored(create):
    marked = {"scripts/marked.sh": "\ufeff#!/bin/bash\n[[ -n $BASH_VERSION ]] && echo $((2 + 3))\n"}
    assert "<out> 5" in create(operation(script="scripts/marked.sh"), marked).logs


@pytest.mark.parametrize(
    ("process", "output"),
    [
        ({"env": ["A=1"]}, "The process option env must be a map of names to values, not ['A=1']."),
        ({"args": "one two"}, "The process option args must be a list, not 'one two'."),
        ({"cwd": 3}, "The process option cwd must be a text, not 3."),
        ({"command_prefix": ["bash"]}, "The process option command_prefix must be a text, not ['bash']."),
    ],
)
def test_process_option_of_wrong_type_fails(create, process, output):
    wrong = create(operation(source="#!/bin/bash\ntrue", process=process))
    assert f"NonRecoverableError `{output}`" in wrong.result.error


def test_background_process_does_not_delay_operation(create, tmp_path):
    script = f"#!/bin/bash\n(sleep 3; echo still writing; touch {tmp_path}/alive) &\necho started"
    left = create(operation(source=script))
    assert left.result.state == "terminated"
    assert not (tmp_path / "alive").exists()
    deadline = time.monotonic() + 60
    while not (tmp_path / "alive").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (tmp_path / "alive").exists()  # a broken pipe did not end it


INPUTS = {
    "plain": "text",
    "number": 5,
    "fl": 1.5,
    "truth": True,
    "nothing": None,
    "empty": "",
    "lst": [1, "a"],
    "dic": {"k": [1, 2], "m": {}},
    "with-dash": "dash",
}


def test_inputs_become_environment_variables(create):
    script = "#!/usr/bin/env python3\nimport os, json; print(json.dumps(dict(os.environ)))"
    seen = json.loads(
        create(
            operation("env", process={"env": {"MY_NUM": 3, "plain": "over"}}, **INPUTS),
            {"env": script},
            environment={"REST_HOST": "here"},
        )
        .logs[0]
        .removeprefix("<out> ")
    )
    expected = {
        "number": "5",
        "fl": "1.5",
        "truth": "true",
        "nothing": "None",
        "empty": "",
        "lst": '[1, "a"]',
        "dic": '{"k": [1, 2], "m": {}}',
        "with-dash": "dash",
        "MY_NUM": "3",
        "plain": "over",
        "REST_HOST": "here",
        "HOME": os.environ["HOME"],
    }
    assert {name: seen[name] for name in expected} == expected
    assert not {"process", "script_path"} & set(seen)
    assert seen["CTX_SOCKET_URL"].startswith("tcp://127.0.0.1:")


def test_functions_in_inputs_are_evaluated_at_operation_start(deployment):
    late = deployment(
        node("db", {"create": operation(source="ctx instance runtime-properties port @5432")}),
        node(
            "app",
            {
                "create": operation(
                    source="echo $url $own",
                    url={"concat": ["db:", {"get_attribute": ["db", "port"]}]},
                    own={"get_attribute": ["SELF", "color"]},
                )
            },
            properties={"color": "red"},
            to=(relationship("db"),),
        ),
    )
    assert late.run("install").state == "terminated"
    assert late.logs == ["<out> db:5432 red"]


def test_functions_in_node_properties_are_evaluated(deployment):
    late = deployment(
        node("db"),
        node(
            "app",
            {"create": operation(source="ctx node properties where")},
            properties={"where": {"get_attribute": ["db", "none"]}},
        ),
    )
    assert late.run("install").state == "terminated"


def test_input_with_invalid_variable_name_fails(create):
    assert "'a=b' cannot be an environment variable" in create(operation(source="exit 0", **{"a=b": 1})).result.error


def test_process_args_are_expanded_by_shell(create):
    script = '#!/bin/bash\necho "$# [$1] [$2] [$3] $PWD"'
    output = create(operation("a.sh", process={"args": ["first", "second arg", 3], "cwd": "/"}), {"a.sh": script}).logs
    assert output == ["<out> 4 [first] [second] [arg] /"]


def test_command_prefix_runs_text_file(create):
    output = create(
        operation("a.txt", process={"command_prefix": "/bin/bash -e"}), {"a.txt": "echo with $0; false; echo no"}
    )
    assert len(output.logs) == 1
    assert "exit_code: 1" in output.result.error


@pytest.mark.parametrize(
    "given",
    [
        {"script_source": "#!/bin/bash\necho $A $0"},
        {"script_path": "a.sh"},
    ],
)
def test_command_prefix_makes_script_executable(create, given):
    output = create(operation(**given, process={"command_prefix": "env A=1"}), {"a.sh": "#!/bin/bash\necho $A"})
    assert output.result.state == "terminated", output.result
    assert output.logs[0].startswith("<out> 1")


def test_map_in_process_args_is_one_word(create):
    script = '#!/bin/bash\nprintf "[%s]" "$@"'
    output = create(operation(source=script, process={"args": ["a b", {"k": [1, "x y"]}, True]}))
    assert output.logs == ['<out> [a][b][{"k": [1, "x y"]}][true]']


def test_process_cwd_is_relative_to_deployment_folder(create, deployment):
    below = deployment(node("a", {"create": operation(source="#!/bin/bash\npwd", process={"cwd": "below"})}))
    (below.workdir / "below").mkdir()
    below.run("install")
    assert below.logs == [f"<out> {below.workdir}/below"]


def test_script_runs_in_deployment_folder(create):
    deployed = create(operation(source="#!/bin/bash\npwd"))
    assert deployed.logs == [f"<out> {deployed.workdir}"]


def test_missing_working_directory_fails_with_its_name(create):
    assert (
        "The working directory /no/where"
        in create(operation(source="exit 0", process={"cwd": "/no/where"})).result.error
    )


@pytest.mark.parametrize(
    "text", ["echo $0 | grep -c sh", "#!/bin/bash\n[[ -n $BASH ]] && echo 1", "#!/bin/sh\r\necho 1\n"]
)
def test_shebang_selects_interpreter_of_non_executable_file(create, text):
    output = create(operation("s.sh"), {"s.sh": text}).logs
    assert [line.strip() for line in output] == ["<out> 1"]


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("from cloudify import ctx\nctx.logger.info('python')", "python"),
        ("    ctx logger info shell\n    if true; then :; fi", "shell"),
        ("#!/bin/bash\nctx logger info bash", "bash"),
        ("#!/usr/bin/env python3\nfrom cloudify import ctx; ctx.logger.info('named')", "named"),
        ("pwd", None),
    ],
)
def test_script_source_is_detected_as_python_or_shell(create, source, output):
    deployed = create(operation(source=source))
    assert deployed.logs == ([output] if output else [f"<out> {deployed.workdir}"])


def test_python_script_runs_in_separate_process(create):
    script = "import os, sys\nprint(os.getpid() != int(sys.argv[0] == '') , __name__, os.path.basename(__file__))"
    assert create(operation("a.py"), {"a.py": script}).logs == ["<out> True __main__ a.py"]


def test_eval_python_false_runs_python_as_program(create):
    script = (
        "import os; print('CTX_SOCKET_URL' in os.environ)\nfrom cloudify import ctx; ctx.logger.info(ctx.instance.id)"
    )
    output = create(operation("a.py", process={"eval_python": False, "command_prefix": "python3 -u"}), {"a.py": script})
    assert output.logs == ["<out> True", "a_1"]


def test_script_without_path_or_source_fails(create):
    assert "needs either script_path or script_source" in create(operation()).result.error


def test_concurrent_scripts_write_to_own_instance_only(deployment):
    script = (
        "#!/bin/bash\nid=$(ctx instance id)\nctx instance runtime-properties me $id\n"
        "ctx instance runtime-properties again $(ctx instance runtime-properties me)\n"
    )
    thirty = deployment(node("a", {"create": operation("w.sh")}, count=30)).script("w.sh", script)
    assert thirty.run("install", concurrency=30).state == "terminated"
    for instance in thirty.records.instances():
        assert instance.runtime_properties == {"me": instance.id, "again": instance.id}
