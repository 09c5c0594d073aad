"""Scripts: which program runs them, what they see, what they print."""

import json
import os
import time

import pytest

from tests.engine.deployment import node, operation, relationship


@pytest.fixture
def once(deployment):
    """Run one create operation and give the deployment."""

    def run(one, files=None, **more):
        made = deployment(node("a", {"create": one}))
        for name, text in (files or {}).items():
            made.script(name, text)
        made.ending = made.run("install", **more)
        return made

    return run


def test_lines_are_told_as_they_are_written_and_in_order(once):
    script = "#!/bin/bash\nfor i in $(seq 200); do echo line $i; done; printf 'no newline at the end'"
    assert once(operation(source=script)).logs == [
        *(f"<out> line {i}" for i in range(1, 201)),
        "<out> no newline at the end",
    ]


def test_stderr_is_told_apart_unless_it_is_merged(once):
    script = "#!/bin/bash\necho one; echo two >&2"
    assert sorted(once(operation(source=script)).logs) == ["<err> two", "<out> one"]
    assert once(operation(source=script, process={"stderr_to_stdout": True})).logs == ["<out> one", "<out> two"]


def test_output_need_not_be_told(once):
    quiet = once(
        operation(
            source="#!/bin/bash\necho one; echo two >&2; exit 1", process={"log_stdout": False, "log_stderr": False}
        )
    )
    assert quiet.logs == []
    assert "stdout: one\n, stderr: two" in quiet.ending.error


def test_a_line_is_told_before_the_script_ends(deployment):
    seen = []
    slow = deployment(node("a", {"create": operation(source="#!/bin/bash\necho early; sleep 0.5; echo late")}))
    slow.records.on_emit = lambda event: seen.append((event.message, time.monotonic()))
    slow.run("install")
    when = dict(seen)
    assert when["<out> late"] - when["<out> early"] > 0.4


def test_bytes_that_are_no_text_do_no_harm(once):
    assert once(operation(source="#!/bin/bash\nprintf 'caf\\xc3\\xa9 \\xff\\n'")).logs == ["<out> café \ufffd"]


def test_a_character_cut_off_at_the_end_does_no_harm(once):
    assert once(operation(source="#!/bin/bash\nprintf 'caf\\xc3'")).logs == ["<out> caf\ufffd"]


def test_much_output_is_told_in_pieces_and_only_its_end_is_kept(once):
    script = "#!/bin/bash\nhead -c 300000 /dev/zero | tr '\\0' x; exit 1"
    much = once(operation(source=script))
    assert sum(len(line.removeprefix("<out> ")) for line in much.logs) == 300000
    assert len(much.ending.error) < 20000


def test_of_too_much_output_the_beginning_and_the_end_are_told(once):
    script = "#!/bin/bash\nfor i in 1 2 3; do echo first $i; done; yes filling | head -n 200000; echo last"
    logs = once(operation(source=script)).logs
    assert logs[:4] == ["<out> first 1", "<out> first 2", "<out> first 3", "<out> filling"]
    assert logs[-2:] == ["<out> filling", "<out> last"]
    assert len(logs) < 100_000
    told = sum(line == "<out> filling" for line in logs)
    assert any(f" MB, {200000 - told} lines, were left out" in line for line in logs)


def test_too_much_in_one_line_is_told_up_to_a_limit(once):
    script = "#!/bin/bash\nhead -c 40000000 /dev/zero | tr '\\0' x"
    logs = once(operation(source=script)).logs
    assert sum(map(len, logs)) < 18_000_000
    assert " MB, " in logs[-1]


def test_windows_line_ends_in_a_shell_script_are_warned_of(once):
    ended = once(operation(script="scripts/dos.sh"), {"scripts/dos.sh": "#!/bin/bash\r\ntrue\r\n"})
    assert ended.logs[0] == ("scripts/dos.sh has Windows line ends (CRLF): the shell takes the CR as a part of words.")
    assert once(operation(script="scripts/dos.py"), {"scripts/dos.py": "#!/usr/bin/python\r\nprint(1)\r\n"}).logs == [
        "<out> 1"
    ]


def test_a_byte_order_mark_does_not_hide_the_interpreter(once):
    marked = {"scripts/marked.sh": "\ufeff#!/bin/bash\n[[ -n $BASH_VERSION ]] && echo $((2 + 3))\n"}
    assert "<out> 5" in once(operation(script="scripts/marked.sh"), marked).logs


@pytest.mark.parametrize(
    ("process", "said"),
    [
        ({"env": ["A=1"]}, "The process option env must be a map of names to values, not ['A=1']."),
        ({"args": "one two"}, "The process option args must be a list, not 'one two'."),
        ({"cwd": 3}, "The process option cwd must be a text, not 3."),
        ({"command_prefix": ["bash"]}, "The process option command_prefix must be a text, not ['bash']."),
    ],
)
def test_process_options_of_the_wrong_kind_are_named(once, process, said):
    wrong = once(operation(source="#!/bin/bash\ntrue", process=process))
    assert f"NonRecoverableError `{said}`" in wrong.ending.error


def test_a_program_left_running_holds_nobody_up(once, tmp_path):
    script = f"#!/bin/bash\n(sleep 0.6; echo still writing; touch {tmp_path}/alive) &\necho started"
    began = time.monotonic()
    left = once(operation(source=script))
    assert left.ending.state == "terminated"
    assert time.monotonic() - began < 0.5
    deadline = time.monotonic() + 5
    while not (tmp_path / "alive").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (tmp_path / "alive").exists()  # it did not die of a broken pipe


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


def test_inputs_are_environment_variables(once):
    script = "#!/usr/bin/env python3\nimport os, json; print(json.dumps(dict(os.environ)))"
    seen = json.loads(
        once(
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


def test_run_time_functions_in_inputs_are_evaluated_when_the_operation_begins(deployment):
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


def test_so_are_those_in_the_properties_of_a_node(deployment):
    late = deployment(
        node("db"),
        node(
            "app",
            {"create": operation(source="ctx node properties where")},
            properties={"where": {"get_attribute": ["db", "none"]}},
        ),
    )
    assert late.run("install").state == "terminated"


def test_a_name_that_cannot_be_a_variable_is_refused(once):
    assert "'a=b' cannot be an environment variable" in once(operation(source="exit 0", **{"a=b": 1})).ending.error


def test_arguments_are_read_by_the_shell(once):
    script = '#!/bin/bash\necho "$# [$1] [$2] [$3] $PWD"'
    said = once(operation("a.sh", process={"args": ["first", "second arg", 3], "cwd": "/"}), {"a.sh": script}).logs
    assert said == ["<out> 4 [first] [second] [arg] /"]


def test_a_prefix_runs_what_is_no_program(once):
    said = once(
        operation("a.txt", process={"command_prefix": "/bin/bash -e"}), {"a.txt": "echo with $0; false; echo no"}
    )
    assert len(said.logs) == 1
    assert "exit_code: 1" in said.ending.error


@pytest.mark.parametrize(
    "given",
    [
        {"script_source": "#!/bin/bash\necho $A $0"},
        {"script_path": "a.sh"},
    ],
)
def test_a_prefix_may_start_the_script_itself(once, given):
    said = once(operation(**given, process={"command_prefix": "env A=1"}), {"a.sh": "#!/bin/bash\necho $A"})
    assert said.ending.state == "terminated", said.ending
    assert said.logs[0].startswith("<out> 1")


def test_a_map_among_the_arguments_is_one_word(once):
    script = '#!/bin/bash\nprintf "[%s]" "$@"'
    said = once(operation(source=script, process={"args": ["a b", {"k": [1, "x y"]}, True]}))
    assert said.logs == ['<out> [a][b][{"k": [1, "x y"]}][true]']


def test_a_folder_to_run_in_leads_from_that_of_the_deployment(once, deployment):
    below = deployment(node("a", {"create": operation(source="#!/bin/bash\npwd", process={"cwd": "below"})}))
    (below.workdir / "below").mkdir()
    below.run("install")
    assert below.logs == [f"<out> {below.workdir}/below"]


def test_scripts_run_in_the_folder_of_the_deployment(once):
    made = once(operation(source="#!/bin/bash\npwd"))
    assert made.logs == [f"<out> {made.workdir}"]


def test_a_folder_that_does_not_exist_is_named(once):
    assert (
        "The working directory /no/where" in once(operation(source="exit 0", process={"cwd": "/no/where"})).ending.error
    )


@pytest.mark.parametrize(
    "text", ["echo $0 | grep -c sh", "#!/bin/bash\n[[ -n $BASH ]] && echo 1", "#!/bin/sh\r\necho 1\n"]
)
def test_the_first_line_chooses_the_program_and_the_file_need_not_be_executable(once, text):
    said = once(operation("s.sh"), {"s.sh": text}).logs
    assert [line.strip() for line in said] == ["<out> 1"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("from cloudify import ctx\nctx.logger.info('python')", "python"),
        ("    ctx logger info shell\n    if true; then :; fi", "shell"),
        ("#!/bin/bash\nctx logger info bash", "bash"),
        ("#!/usr/bin/env python3\nfrom cloudify import ctx; ctx.logger.info('named')", "named"),
        ("pwd", None),
    ],
)
def test_text_in_place_of_a_file_is_python_or_shell_by_how_it_reads(once, source, said):
    made = once(operation(source=source))
    assert made.logs == ([said] if said else [f"<out> {made.workdir}"])


def test_python_runs_in_a_process_of_its_own_with_cloudify_at_hand(once):
    script = "import os, sys\nprint(os.getpid() != int(sys.argv[0] == '') , __name__, os.path.basename(__file__))"
    assert once(operation("a.py"), {"a.py": script}).logs == ["<out> True __main__ a.py"]


def test_python_may_be_run_as_any_other_program(once):
    script = (
        "import os; print('CTX_SOCKET_URL' in os.environ)\nfrom cloudify import ctx; ctx.logger.info(ctx.instance.id)"
    )
    said = once(operation("a.py", process={"eval_python": False, "command_prefix": "python3 -u"}), {"a.py": script})
    assert said.logs == ["<out> True", "a_1"]


def test_a_script_needs_a_path_or_text(once):
    assert "needs either script_path or script_source" in once(operation()).ending.error


def test_thirty_scripts_at_once_write_only_to_their_own_instance(deployment):
    script = (
        "#!/bin/bash\nid=$(ctx instance id)\nctx instance runtime-properties me $id\n"
        "ctx instance runtime-properties again $(ctx instance runtime-properties me)\n"
    )
    thirty = deployment(node("a", {"create": operation("w.sh")}, count=30)).script("w.sh", script)
    assert thirty.run("install", concurrency=30).state == "terminated"
    for instance in thirty.records.instances():
        assert instance.runtime_properties == {"me": instance.id, "again": instance.id}
