"""Templates of the blueprint, rendered for operations in bash and Python."""

import pytest

from cfy_cli.contract.limits import Limits
from cfy_cli.manager.engine.context import render as rendering
from tests.engine.deployment import node, operation

TEMPLATE = (
    "dep={{ ctx.deployment.id }} node={{ ctx.node.name }} n={{ ctx.node.properties.conf.n }} "
    "who={{ who }} no=[{{ nosuch }}]"
)


@pytest.fixture
def render(deployment):
    """`render(name, body)` runs a script and returns the lines that it printed."""

    def run(name, body):
        deployed = deployment(node("a", {"create": operation(name)}, properties={"conf": {"n": 7}})).script(name, body)
        deployed.script("res/tmpl.txt", TEMPLATE)
        deployed.script("res/bad.txt", "{% for x in %}")
        deployed.script("res/sly.txt", "{{ ''.__class__.__mro__ }}")
        run.result = deployed.run("install")
        return [line.removeprefix("<out> ") for line in deployed.logs if line.startswith("<out> ")]

    return run


def test_bash_renders_template_to_output_or_file(render):
    output = render(
        "t.sh",
        "#!/bin/bash\n"
        'ctx get-resource-and-render res/tmpl.txt @\'{"who": "me"}\'; echo\n'
        "cat $(ctx download-resource-and-render res/tmpl.txt); echo\n"
        'ctx download-resource-and-render res/tmpl.txt $PWD/own @\'{"who": "you"}\' >/dev/null; cat $PWD/own; echo\n',
    )
    dep = output[0].split()[0].removeprefix("dep=")
    assert dep
    assert output == [
        f"dep={dep} node=a n=7 who=me no=[]",
        f"dep={dep} node=a n=7 who= no=[]",
        f"dep={dep} node=a n=7 who=you no=[]",
    ]


def test_python_renders_template_with_current_properties(render):
    output = render(
        "t.py",
        "from cloudify import ctx\n"
        "ctx.instance.runtime_properties['arr'] = [1, 2]\n"
        "print(ctx.get_resource_and_render('res/tmpl.txt', {'who': 'py'}).decode())\n"
        "print(open(ctx.download_resource_and_render('res/tmpl.txt', template_variables={'who': 'py2'})).read())\n",
    )
    assert [line.split("who=")[1] for line in output] == ["py no=[]", "py2 no=[]"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("res/none.txt", "There is no res/none.txt"),
        ("res/bad.txt", "res/bad.txt cannot be rendered: "),
        ("res/sly.txt", "res/sly.txt cannot be rendered: access to attribute '__class__'"),
        ("res/tmpl.txt '@{\"ctx\": 1}'", "cannot be named ctx"),
        ("res/tmpl.txt here there", "PATH [TARGET] [@VARIABLES]"),
        ("", "PATH [TARGET] [@VARIABLES]"),
    ],
)
def test_unrenderable_template_fails_with_reason(render, words, reason):
    (output,) = render("t.sh", f"#!/bin/bash\nctx download-resource-and-render {words} 2>&1\n")
    assert reason in output
    assert "failed" in render.result.state


@pytest.mark.parametrize(
    ("word", "output"), [("name", "script"), ("package-name", ""), ("prefix", ""), ("workdir", "plugins/script")]
)
def test_ctx_prints_plugin_attributes(render, word, output):
    (line,) = render("t.sh", f'#!/bin/bash\necho "[$(ctx plugin {word})]"\n')
    assert line.endswith(f"{output}]")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "it takes more than 1 seconds",
        ),
        ("{{ 'a' * 9999999999 }}", "it needs more than 1024 MiB of memory"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "it calls itself without end"),
    ],
)
def test_template_without_end_is_ended(deployment, monkeypatch, template, reason):
    monkeypatch.setattr(rendering, "active_limits", lambda: Limits(template_time=1 if "seconds" in reason else 60))
    script = "#!/bin/bash\nctx download-resource-and-render res/endless.txt 2>&1\n"
    deployed = deployment(node("a", {"create": operation("t.sh")})).script("t.sh", script)
    deployed.script("res/endless.txt", template)
    assert "failed" in deployed.run("install").state
    assert f"res/endless.txt cannot be rendered: {reason}" in "\n".join(deployed.logs)
