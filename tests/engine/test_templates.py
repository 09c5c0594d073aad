"""Files of the blueprint that are rendered for an operation, from bash and from Python."""

import pytest

from tests.engine.deployment import node, operation

TEMPLATE = (
    "dep={{ ctx.deployment.id }} node={{ ctx.node.name }} n={{ ctx.node.properties.conf.n }} "
    "who={{ who }} no=[{{ nosuch }}]"
)


@pytest.fixture
def render(deployment):
    """Lines that a script with this body printed."""

    def run(name, body):
        made = deployment(node("a", {"create": operation(name)}, properties={"conf": {"n": 7}})).script(name, body)
        made.script("res/tmpl.txt", TEMPLATE)
        made.script("res/bad.txt", "{% for x in %}")
        made.script("res/sly.txt", "{{ ''.__class__.__mro__ }}")
        run.ending = made.run("install")
        return [line.removeprefix("<out> ") for line in made.logs if line.startswith("<out> ")]

    return run


def test_bash_renders_to_its_output_to_a_file_or_to_a_file_it_names(render):
    said = render(
        "t.sh",
        "#!/bin/bash\n"
        'ctx get-resource-and-render res/tmpl.txt @\'{"who": "me"}\'; echo\n'
        "cat $(ctx download-resource-and-render res/tmpl.txt); echo\n"
        'ctx download-resource-and-render res/tmpl.txt $PWD/own @\'{"who": "you"}\' >/dev/null; cat $PWD/own; echo\n',
    )
    dep = said[0].split()[0].removeprefix("dep=")
    assert dep
    assert said == [
        f"dep={dep} node=a n=7 who=me no=[]",
        f"dep={dep} node=a n=7 who= no=[]",
        f"dep={dep} node=a n=7 who=you no=[]",
    ]


def test_python_renders_with_what_it_has_just_set(render):
    said = render(
        "t.py",
        "from cloudify import ctx\n"
        "ctx.instance.runtime_properties['arr'] = [1, 2]\n"
        "print(ctx.get_resource_and_render('res/tmpl.txt', {'who': 'py'}).decode())\n"
        "print(open(ctx.download_resource_and_render('res/tmpl.txt', template_variables={'who': 'py2'})).read())\n",
    )
    assert [line.split("who=")[1] for line in said] == ["py no=[]", "py2 no=[]"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("res/none.txt", "There is no res/none.txt"),
        ("res/bad.txt", "res/bad.txt cannot be rendered: "),
        ("res/sly.txt", "res/sly.txt cannot be rendered: access to attribute '__class__'"),
        ("res/tmpl.txt '@{\"ctx\": 1}'", "cannot be named ctx"),
        ("res/tmpl.txt here there", "PATH [TARGET] [@VARIABLES]"),
        ("", "PATH [TARGET] [@VARIABLES]"),
    ],
)
def test_what_cannot_be_rendered_says_why(render, words, why):
    (said,) = render("t.sh", f"#!/bin/bash\nctx download-resource-and-render {words} 2>&1\n")
    assert why in said
    assert "failed" in render.ending.state


@pytest.mark.parametrize(
    ("word", "said"), [("name", "script"), ("package-name", ""), ("prefix", ""), ("workdir", "plugins/script")]
)
def test_ctx_tells_of_the_plugin(render, word, said):
    (line,) = render("t.sh", f'#!/bin/bash\necho "[$(ctx plugin {word})]"\n')
    assert line.endswith(f"{said}]")
