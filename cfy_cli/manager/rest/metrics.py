"""Endpoints of metrics."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from pydantic import Field

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.manager_resources import METRICS
from cfy_cli.contract.timestamps import format_timestamp, parse_timestamp
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.bodies import Body
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.query import Parameter, parse_time
from cfy_cli.manager.rest.schemas import answer_of
from cfy_cli.manager.services import metrics
from cfy_cli.manager.services.metrics import MetricSummary, Period
from cfy_cli.manager.store.models import Metric

MAX_NAME, MAX_VALUE = 256, 65536  # characters
DEFAULT_PERIOD = timedelta(days=30)  # so that not all events are read that are stored
OVERVIEW = (
    Parameter("since", f"Only runs that ended since then; by default {DEFAULT_PERIOD.days} days before `until`."),
    Parameter("until", "Only runs that ended until this time."),
    Parameter("workflow_id", "Only this workflow."),
    Parameter("task_name", "Only this task, such as cloudify.interfaces.lifecycle.create."),
)


class NewMetric(Body):
    blueprint_id: str
    deployment_id: str
    execution_id: str
    timestamp: str
    name: str = Field(max_length=MAX_NAME)
    value: str = Field(max_length=MAX_VALUE)


class NoPages(TypedDict):
    pagination: dict[str, int]


class MetricsOverview(TypedDict):
    """The summaries, in an envelope without pages."""

    items: list[MetricSummary]
    metadata: NoPages


def _computed(_call: Call, row: Metric) -> dict[str, Callable[[], object]]:
    return {"id": lambda: int(row.id) if row.id.isdecimal() and row.id.isascii() and len(row.id) < 16 else row.id}


noun = Noun(METRICS, Metric, computed=_computed, computed_types={"id": int | str})
routes = noun.routes


@routes.listing("/metrics", "execution_list", (), noun.list_answer)
def list_metrics(call: Call) -> JsonObject:
    """List the metrics that clients have stored; `id` chooses one."""
    return noun.find_page(call)


@routes.put("/metrics/{key}", "execution_status_update", (), noun.answer)
def create_metric(call: Call, key: str, body: NewMetric) -> JsonObject:
    """Store a value that was measured in an execution."""
    timestamp = parse_time(body.timestamp)
    if timestamp is None:
        raise Invalid("Give the time of the metric as `timestamp`, such as 2026-01-31T12:00:00Z")
    if len(key) > MAX_NAME:
        raise Invalid(f"The id of a metric has at most {MAX_NAME} characters")
    fields = {**body.model_dump(), "timestamp": timestamp}
    return noun.show(call, metrics.add(call.store, key, **fields))


@routes.get("/metrics-overview", "execution_list", OVERVIEW, answer_of(MetricsOverview))
def summarize_metrics(call: Call) -> MetricsOverview:
    """Answer how long workflows and tasks took on average, and which share of them succeeded."""
    since, until = (parse_time(call.query.get(name, "")) for name in ("since", "until"))
    if since is None:
        since = format_timestamp((parse_timestamp(until) if until else datetime.now(UTC)) - DEFAULT_PERIOD)
    names = {name: call.query.get(name) for name in ("workflow_id", "task_name")}
    return {"items": metrics.summarize(call.store, Period(since, until), **names), "metadata": {"pagination": {}}}
