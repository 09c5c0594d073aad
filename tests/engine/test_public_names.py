"""The names that public scripts and plugins can import, beside those of the modules that operations find here.

`record_public_names.py` records the public names. Each one is served, or stands in ABSENT with the reason.
"""

import subprocess
import sys
from pathlib import Path

import cfy_cli.manager.engine

MODULES = Path(cfy_cli.manager.engine.__file__).parent / "python"
NAMES = Path(__file__).with_name("public_names.txt")
FIND = Path(__file__).with_name("find_public_names.py")

NO_BROKER = "There is no RabbitMQ."
NO_AGENT = "All operations run on the machine of the manager, without an agent."
NO_ENDPOINT = "The manager serves no such resource."
ENGINE = "The engine starts operations, runs tasks and stores their states; code in its processes has no part in it."
MANAGER = "The manager runs these operations itself."
PARSER = "The manager parses blueprints itself; plugins import only `functions`."
SNAPSHOTS = "It is part of snapshots of public managers."
OTHER_TOOL = "The public command line, its tests or the services of a public manager use it, and no plugin does."
IMPORTED = "The public module only imports it from another one, which has it here too."
BUILT_HERE = "ctx and its parts are built by this package only, from other arguments."

# By the beginning of the name: why it is absent, or takes other arguments.
ABSENT = {
    "cloudify.BROKER_": NO_BROKER,
    "cloudify.agent_utils": NO_AGENT,
    "cloudify.amqp_client": NO_BROKER,
    "cloudify.broker_config": NO_BROKER,
    "cloudify.cluster": "The client tries no other manager of a cluster.",
    "cloudify.constants.ADMIN_API_TOKEN_KEY": OTHER_TOOL,
    "cloudify.constants.BROKER_": NO_BROKER,
    "cloudify.constants.CELERY_": NO_BROKER,
    "cloudify.constants.CLUSTER_SERVICE_EXCHANGE_NAME": NO_BROKER,
    "cloudify.constants.EVENTS_EXCHANGE_NAME": NO_BROKER,
    "cloudify.constants.LOGGING_CONFIG_FILE": OTHER_TOOL,
    "cloudify.constants.LOGS_EXCHANGE_NAME": NO_BROKER,
    "cloudify.constants.NEW_TOKEN_FILE_NAME": OTHER_TOOL,
    "cloudify.constants.SECURITY_FILE_LOCATION": OTHER_TOOL,
    "cloudify.context.BootstrapContext.broker_config": NO_BROKER,
    "cloudify.context.CloudifyContext.__init__": BUILT_HERE,
    "cloudify.context.CloudifyContext.get_operation": ENGINE,
    "cloudify.context.CloudifyContext.update_operation": ENGINE,
    "cloudify.context.CommonContext": BUILT_HERE,
    "cloudify.context.ContextCapabilities.__init__": BUILT_HERE,
    "cloudify.context.EntityContext": BUILT_HERE,
    "cloudify.context.RelationshipContext.__init__": BUILT_HERE,
    "cloudify.context.RelationshipSubjectContext.__init__": BUILT_HERE,
    "cloudify.cryptography_utils": OTHER_TOOL,
    "cloudify.decorators.ctx": IMPORTED,
    "cloudify.dispatch": ENGINE,
    "cloudify.endpoint": ENGINE,
    "cloudify.error_handling": ENGINE,
    "cloudify.event": OTHER_TOOL,
    "cloudify.exceptions.ClosedAMQPClientException": NO_BROKER,
    "cloudify.exceptions.StopAgent": NO_AGENT,
    "cloudify.logs.Cloudify": "ctx.logger sends its records to the manager.",
    "cloudify.logs.ENV_AGENT_": NO_AGENT,
    "cloudify.logs.EVENT_": OTHER_TOOL,
    "cloudify.logs.ExecutorNameFormatter": NO_AGENT,
    "cloudify.logs.create_event_message_prefix": OTHER_TOOL,
    "cloudify.logs.manager_": NO_BROKER,
    "cloudify.logs.message_context_": NO_BROKER,
    "cloudify.logs.populate_base_item": NO_BROKER,
    "cloudify.logs.send_": "ctx.send_event and the tasks of workflows send events.",
    "cloudify.logs.setup_": NO_AGENT,
    "cloudify.logs.stdout_": OTHER_TOOL,
    "cloudify.mocks.MockCloudifyContext.get_operation": ENGINE,
    "cloudify.mocks.MockCloudifyContext.update_operation": ENGINE,
    "cloudify.plugin_installer": "The manager installs plugins.",
    "cloudify.plugins.install_utils": "The manager installs plugins.",
    "cloudify.plugins.lifecycle.ignore_subgraph_on_task_failure": ENGINE,
    "cloudify.plugins.lifecycle.plugins_": "The manager installs plugins.",
    "cloudify.plugins.lifecycle.prepare_running_agent": NO_AGENT,
    "cloudify.plugins.lifecycle.update_node_instance_subgraph": ENGINE,
    "cloudify.plugins.workflows.TASK_SUCCEEDED": IMPORTED,
    "cloudify.plugins.workflows.check_": ENGINE,
    "cloudify.plugins.workflows.get_groups_with_members": ENGINE,
    "cloudify.plugins.workflows.install_new_agents": NO_AGENT,
    "cloudify.plugins.workflows.validate_": ENGINE,
    "cloudify.rabbitmq_client": NO_BROKER,
    "cloudify.snapshots.SNAPSHOT_RESTORE_FLAG_FILE": "The manager keeps the state in its database.",
    "cloudify.snmp": OTHER_TOOL,
    "cloudify.test_utils": OTHER_TOOL,
    "cloudify.utils.ADMIN_API_TOKEN_PATH": OTHER_TOOL,
    "cloudify.utils.Internal.get_broker_": NO_BROKER,
    "cloudify.utils.add_plugins_": "The manager installs plugins.",
    "cloudify.utils.extract_and_merge_plugins": "The manager installs plugins.",
    "cloudify.utils.extract_plugins_to_install": "The manager installs plugins.",
    "cloudify.utils.get_admin_api_token": OTHER_TOOL,
    "cloudify.utils.get_broker_ssl_cert_path": NO_BROKER,
    "cloudify.utils.get_manager_file_server_root": "Scripts read files of the blueprint with ctx.get_resource.",
    "cloudify.utils.merge_plugins": "The manager installs plugins.",
    "cloudify.utils.parse_": OTHER_TOOL,
    "cloudify.utils.target_plugin_prefix": "The manager installs plugins.",
    "cloudify.utils.unpack_timedelta_string": OTHER_TOOL,
    "cloudify.workflows.amqp_dispatcher": NO_BROKER,
    "cloudify.workflows.events": ENGINE,
    "cloudify.workflows.local": "There is no local environment: `init_env` and the storages say so.",
    "cloudify.workflows.tasks.DISPATCH_TASK": ENGINE,
    "cloudify.workflows.tasks.DryRunLocalWorkflowTask": ENGINE,
    "cloudify.workflows.tasks.current_workflow_ctx": IMPORTED,
    "cloudify.workflows.tasks.with_execute_after": ENGINE,
    "cloudify.workflows.tasks.workflow_ctx": IMPORTED,
    "cloudify.workflows.tasks_graph.TaskDependencyGraphError": ENGINE,
    "cloudify.workflows.tasks_graph.workflow_ctx": IMPORTED,
    "cloudify.workflows.workflow_api.cancel_": ENGINE,
    "cloudify.workflows.workflow_api.kill_": ENGINE,
    "cloudify.workflows.workflow_api.set_": ENGINE,
    "cloudify.workflows.workflow_context.CloudifyWorkflowContextHandler": ENGINE,
    "cloudify.workflows.workflow_context.CloudifyWorkflowContextInternal.send_workflow_event": ENGINE,
    "cloudify.workflows.workflow_context.DEFAULT_": IMPORTED,
    "cloudify.workflows.workflow_context.Local": ENGINE,
    "cloudify.workflows.workflow_context.Remote": ENGINE,
    "cloudify.workflows.workflow_context.current_workflow_ctx": IMPORTED,
    "cloudify.zip_utils": OTHER_TOOL,
    "cloudify_rest_client.audit_log.AuditLogClient.inject": SNAPSHOTS,
    "cloudify_rest_client.bytes_stream_utils": "The client streams files itself.",
    "cloudify_rest_client.client.HTTPClient.get_request_verify": OTHER_TOOL,
    "cloudify_rest_client.client.HTTPClient.has_": "There is no Kerberos.",
    "cloudify_rest_client.client.HTTPClient.verify_response_status": OTHER_TOOL,
    "cloudify_rest_client.client.HTTPKerberosAuth": "There is no Kerberos.",
    "cloudify_rest_client.deployments.DeploymentGroup": NO_ENDPOINT,
    "cloudify_rest_client.deployments.EMPTY_B64_ZIP": OTHER_TOOL,
    "cloudify_rest_client.execution_schedules": NO_ENDPOINT,
    "cloudify_rest_client.executions.ExecutionGroup": NO_ENDPOINT,
    "cloudify_rest_client.executions.restore_status_error_mapped": OTHER_TOOL,
    "cloudify_rest_client.inter_deployment_dependencies.DEPENDENCY_CREATOR": IMPORTED,
    "cloudify_rest_client.log_bundles.LogBundlesClient.upload_archive": "The manager packs log bundles itself.",
    "cloudify_rest_client.plugins_update": NO_ENDPOINT,
    "cloudify_rest_client.resources": NO_ENDPOINT,
    "cloudify_rest_client.responses.ListResponse.sort": "It takes `key` and `reverse` by name, as lists do.",
    "cloudify_rest_client.utils.find_executable": OTHER_TOOL,
    "cloudify_rest_client.utils.get_f": OTHER_TOOL,
    "cloudify_rest_client.utils.is_kerberos_env": "There is no Kerberos.",
    "cloudify_types.blueprint": MANAGER,
    "cloudify_types.component.operations": MANAGER,
    "cloudify_types.component.utils.no_rerun_on_resume": MANAGER,
    "cloudify_types.password_secret": MANAGER,
    "cloudify_types.shared_resource.operations.": MANAGER,
    "cloudify_types.utils": MANAGER,
    "dsl_parser": PARSER,
    "script_runner.tasks.execute_workflow": "The manager runs workflows that are scripts.",
    "script_runner.tasks.workflows_ctx": IMPORTED,
}
# By the end of the name.
ABSENT_EVERYWHERE = {
    ".duplicate_for_retry": ENGINE,
    ".handle_task_terminated": ENGINE,
    ".task_terminated": ENGINE,
    ".dump": SNAPSHOTS,
    ".restore": SNAPSHOTS,
    ".legacy_restore": SNAPSHOTS,
    ".local": ENGINE,
    ".remote": ENGINE,
    ".rest_client": ENGINE,
    ".storage": ENGINE,
    ".queue": NO_BROKER,
    ".target": NO_BROKER,
}
# Methods and classes of workflows that the engine serves in another way.
ABSENT_IN_WORKFLOWS = (
    "bootstrap_context", "cleanup", "create_execution_schedule", "create_node_instances", "create_nodes", "delete_node",
    "delete_node_instance", "execute_task", "get_tasks_graph", "list_execution_schedules", "remote_task",
    "remove_operation", "set_deployment_update_attributes", "store_operation", "store_tasks_graph",
    "update_execution_schedule", "update_node", "update_operation", "add_local_task",
    "refresh_node_instances", "evaluate_functions", "get_subgraph_task_configuration",
    "get_task_configuration", "send_task_event", "__init__",
)  # fmt: skip


def find_problems(text: str, folder: Path) -> list[str]:
    """Return a line for each name that is absent or takes other arguments."""
    file = folder / "names.txt"
    file.write_text(text)
    done = subprocess.run(
        [sys.executable, str(FIND), str(file)],
        env={"PYTHONPATH": str(MODULES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def reason_of(problem: str) -> str | None:
    """Return the entry that allows a name to be absent."""
    name = problem.partition("(")[0].partition(":")[0]
    last = name.rpartition(".")[2]
    if name.startswith("cloudify.workflows.") and last in ABSENT_IN_WORKFLOWS:
        return last
    return next((entry for entry in ABSENT if name.startswith(entry)), None) or next(
        (entry for entry in ABSENT_EVERYWHERE if name.endswith(entry)), None
    )


def test_public_names_are_served_or_absent_for_a_reason(tmp_path: Path):
    problems = find_problems(NAMES.read_text(), tmp_path)
    assert [problem for problem in problems if reason_of(problem) is None] == []
    used = {reason_of(problem) for problem in problems}
    entries = {*ABSENT, *ABSENT_EVERYWHERE, *ABSENT_IN_WORKFLOWS}
    assert sorted(entries - used) == [], "these are served now"


def test_names_of_older_releases_are_served(tmp_path: Path):
    text = (
        "cloudify.utils.CFY_EXEC_TEMPDIR_ENVVAR\ncloudify.utils.get_manager_ip()\ncloudify.proxy.server.UnixCtxProxy\n"
        "cloudify.ctx_wrappers.CtxComponent\nscript_runner.constants.ENV_CFY_EXEC_TEMPDIR\n"
        "dsl_parser.functions.Function\ndsl_parser.functions.register(fn?, name?)\n"
        "dsl_parser.functions.is_function(value)\n"
    )
    assert find_problems(text, tmp_path) == []


def test_other_order_of_arguments_is_found(tmp_path: Path):
    text = (
        "cloudify_rest_client.sites.SitesClient.update(name, location?, visibility?, new_name?)\n"
        "cloudify_rest_client.sites.SitesClient.update(name, new_name?, location?)\n"
        "cloudify_rest_client.sites.SitesClient.nothing\ncloudify.context.DeploymentContext.id\n"
        "cloudify_rest_client.sites.Site.location\ncloudify_rest_client.sites.Site.nothing\n"
    )
    assert [problem.rpartition(": ")[2] for problem in find_problems(text, tmp_path)] == [
        "takes (name, location, visibility, new_name)",
        "absent",
        "absent",
    ]
