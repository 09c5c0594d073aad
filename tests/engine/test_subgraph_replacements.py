"""Subgraphs that are replaced by another graph of their handler."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from cfy_cli.manager.engine.ports import WorkflowResult
from tests.engine.deployment import LIFECYCLE, Deployment, node, operation
from tests.engine.subgraph_flow import BAD, HEAD, RUN_SCRIPT, Flow, operation_log, retried


@pytest.mark.parametrize(
    ("words", "tries", "ignored", "error"),
    [
        (["bad", "ok"], 1, False, ""),
        (["bad1", "bad2", "ok"], 2, False, ""),
        (["bad1", "bad2", "ok"], -1, False, ""),
        (["bad1", "bad2", "ok"], 0, True, ""),
        (["bad1", "bad2", "bad3"], 1, False, "bad2"),
        (["bad1", "bad2"], 0, False, "bad1"),
    ],
)
def test_replacement_of_handler_runs_instead_of_subgraph(
    subgraph_flow: Flow, words: list[str], tries: int, ignored: bool, error: str
):
    deployed = retried(subgraph_flow, words, tries, ignored=ignored)
    result = deployed.run("flow")
    assert result == (WorkflowResult("failed", BAD.format(error)) if error else WorkflowResult("terminated"))
    attempts = words[: words.index(error or "ok") + 1]
    expected = [line for word in attempts for line in ("ok on a_1", f"{word} on b_1")]
    assert operation_log(deployed) == expected + ([] if error else ["after on c_1"])


@pytest.mark.parametrize(
    ("replacement", "message"),
    [
        ("None", "its handler has to build a replacement and set it as the retried_task of its result."),
        ("first", "first is running already, so it cannot run instead of the subgraph first."),
    ],
)
def test_missing_replacement_fails_with_message(subgraph_flow: Flow, replacement: str, message: str):
    deployed = subgraph_flow(
        f"""
        def retry(sub):
            result = HandlerResult.retry()
            result.retried_task = {replacement}
            return result

        first = build("first", step("b", "bad"), on_failure=retry)
        first.total_retries = 3
        graph.execute()
        """
    )
    result = deployed.run("flow")
    assert result.state == "failed"
    assert message in result.error


@pytest.mark.parametrize(("failures", "state"), [(2, "terminated"), (3, "failed")])
def test_instance_subgraph_is_reinstalled_until_out_of_retries(
    deployment: Callable[..., Deployment], tmp_path: Path, failures: int, state: str
):
    bad = tmp_path / "bad"
    bad.write_text("." * failures)
    create = f'ctx logger info create; [ ! -s {bad} ] || {{ truncate -s -1 {bad}; ctx abort-operation "no luck"; }}'
    scripts = {"create": create, "delete": "ctx logger info delete"}
    deployed = deployment(
        node("a", {f"{LIFECYCLE}.{name}": operation(source=source) for name, source in scripts.items()}),
        workflows={"flow": {**RUN_SCRIPT, "parameters": {"script_path": {"default": "flow.py"}}}},
    )
    script = """
from cloudify.plugins import lifecycle
lifecycle.install_node_instance_subgraph(ctx.get_node_instance("a_1"), graph).total_retries = 2
graph.execute()
"""
    assert deployed.script("flow.py", HEAD + script).run("flow").state == state
    lines = [line for line in deployed.logs if not line.startswith("<err>")]
    assert lines == ["create", "delete", "create", "delete", "create"]
    assert deployed.state("a_1") == ("started" if state == "terminated" else "creating")


def test_subgraphs_are_replaced_in_parallel(subgraph_flow: Flow):
    deployed = subgraph_flow(
        """
        def retry(sub):
            result = HandlerResult.retry()
            result.retried_task = build(f"again {sub.name}", ctx.local_task(lambda: None), step("a"))
            return result

        for number in range(12):
            build(str(number), step("b", "bad"), on_failure=retry).total_retries = 1
        graph.execute()
        """
    )
    assert deployed.run("flow") == WorkflowResult("terminated")
    assert Counter(operation_log(deployed)) == {"bad on b_1": 12, "ok on a_1": 12}
