"""Every entry of the configuration: its scope, default and JSON schema, and whether it can act on this manager."""

from dataclasses import dataclass

from cfy_cli.contract.json import Json, JsonObject

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
TEXT: JsonObject = {"type": "string"}
NATURAL: JsonObject = {"type": "integer", "minimum": 0}
POSITIVE: JsonObject = {"type": "integer", "minimum": 1}
LOG_LEVEL: JsonObject = {"type": "string", "enum": list(LOG_LEVELS)}


@dataclass(frozen=True, slots=True, eq=False)
class ConfigEntry:
    """One entry. `refusal` says why it cannot act here, so that it cannot be changed; empty when it acts.

    `limit` names the limit of the manager that bounds the value, times `limit_unit`.
    """

    scope: str
    name: str
    default: Json = None
    schema: JsonObject | None = None
    refusal: str = ""
    admin_only: bool = False
    is_secret: bool = False  # encrypted at rest
    limit: str = ""
    limit_unit: int = 1

    @property
    def full_name(self) -> str:
        return f"{self.scope}.{self.name}"

    @property
    def is_for_administrators(self) -> bool:
        """Return whether only administrators change it: who directs logins elsewhere could log in as anybody."""
        return self.admin_only or self.name.startswith("ldap_")

    @property
    def is_editable(self) -> bool:
        return not self.refusal


NO_AGENTS = "agents of this manager do not read it: their `agent_config` says how they run"
NO_MGMTWORKER = (
    "workers of this manager are processes, whose number `cfy manager start --workers 4` sets, for example; "
    "rest.max_concurrent_workflows bounds the executions that they run at the same time"
)
OF_START = "it follows from how the manager was started (`cfy manager start --help`)"
LOCAL_FILES = "this manager keeps its files in its data folder"
NO_PROMETHEUS = "this manager measures itself and asks no Prometheus"
ONE_LOG = "all services of this manager write one log, whose level is rest.rest_service_log_level"
MIB = 1024**2

ENTRIES: tuple[ConfigEntry, ...] = (
    ConfigEntry("rest", "account_lock_period", -1, {"type": "number", "minimum": -1}),  # minutes; -1 for none
    ConfigEntry("rest", "api_service_log_level", "INFO", LOG_LEVEL, ONE_LOG),
    ConfigEntry("rest", "api_service_log_path", refusal=OF_START),
    ConfigEntry("rest", "blueprint_folder_max_files", 10_000, NATURAL, limit="archive_files"),
    ConfigEntry("rest", "blueprint_folder_max_size_mb", 50, NATURAL, limit="archive_content", limit_unit=MIB),
    ConfigEntry("agent", "broker_port", 5671, {"type": "integer", "minimum": 1, "maximum": 65535}, NO_AGENTS),
    ConfigEntry("rest", "default_agent_port", 53333, {"type": "integer", "minimum": 1, "maximum": 65535}, NO_AGENTS),
    ConfigEntry("rest", "default_page_size", 1000, POSITIVE, limit="all_results"),
    ConfigEntry("rest", "failed_logins_before_account_lock", 4, POSITIVE),
    ConfigEntry("rest", "file_server_root", refusal=OF_START),
    ConfigEntry("rest", "file_server_type", "local", {"type": "string", "enum": ["local", "s3"]}, LOCAL_FILES),
    ConfigEntry("rest", "file_server_url", refusal=OF_START),
    ConfigEntry("agent", "heartbeat", 30, NATURAL, NO_AGENTS),
    ConfigEntry("rest", "insecure_endpoints_disabled", True, refusal="there are no such endpoints here"),
    ConfigEntry("rest", "ldap_attribute_email", None, TEXT),
    ConfigEntry("rest", "ldap_attribute_first_name", None, TEXT),
    ConfigEntry("rest", "ldap_attribute_group_membership", None, TEXT),
    ConfigEntry("rest", "ldap_attribute_last_name", None, TEXT),
    ConfigEntry("rest", "ldap_attribute_uid", None, TEXT),
    ConfigEntry("rest", "ldap_base_dn", None, TEXT),
    ConfigEntry("rest", "ldap_bind_format", None, TEXT),
    ConfigEntry("rest", "ldap_ca_cert", None, TEXT),  # only here: the public manager keeps it in a file
    ConfigEntry("rest", "ldap_check_interval", 300, {"type": "number", "minimum": 0}),  # seconds; only here
    ConfigEntry("rest", "ldap_dn_extra", None, TEXT),
    ConfigEntry("rest", "ldap_domain", None, TEXT),
    ConfigEntry("rest", "ldap_group_dn", None, TEXT),
    ConfigEntry("rest", "ldap_group_member_filter", None, TEXT),
    ConfigEntry("rest", "ldap_group_members_filter", None, TEXT),
    ConfigEntry("rest", "ldap_is_active_directory", None, {"type": "boolean"}),
    ConfigEntry("rest", "ldap_nested_levels", 1, NATURAL),
    ConfigEntry("rest", "ldap_password", None, TEXT, admin_only=True, is_secret=True),
    ConfigEntry("rest", "ldap_server", None, TEXT),
    ConfigEntry("rest", "ldap_timeout", 5.0, {"type": "number", "minimum": 0}),
    ConfigEntry("rest", "ldap_user_filter", None, TEXT),
    ConfigEntry("rest", "ldap_username", None, TEXT, admin_only=True),
    ConfigEntry("rest", "log_fetch_password", None, TEXT, OF_START, admin_only=True, is_secret=True),
    ConfigEntry("rest", "log_fetch_username", None, TEXT, OF_START, admin_only=True),
    ConfigEntry("agent", "log_level", "info", TEXT, NO_AGENTS),
    ConfigEntry("rest", "maintenance_folder", refusal="the maintenance mode is kept in the database"),
    ConfigEntry("rest", "marketplace_api_url", None, TEXT, "this manager asks no marketplace"),
    ConfigEntry("rest", "max_concurrent_workflows", 20, {"type": "integer", "minimum": 1, "maximum": 1000}),
    ConfigEntry("agent", "max_workers", 5, POSITIVE, NO_AGENTS),
    ConfigEntry("mgmtworker", "max_workers", 5, POSITIVE, NO_MGMTWORKER),
    ConfigEntry("rest", "min_available_memory_mb", 100, NATURAL, "the limits of the manager bound its memory"),
    ConfigEntry("mgmtworker", "min_workers", 2, POSITIVE, NO_MGMTWORKER),
    ConfigEntry("agent", "min_workers", 2, POSITIVE, NO_AGENTS),
    ConfigEntry("rest", "monitoring_timeout", 4, {"type": "number", "minimum": 0}, NO_PROMETHEUS),
    ConfigEntry("rest", "prometheus_url", None, TEXT, NO_PROMETHEUS),
    ConfigEntry("rest", "public_ip", refusal=OF_START),
    ConfigEntry("rest", "rest_service_log_level", "INFO", LOG_LEVEL),
    ConfigEntry("rest", "rest_service_log_path", refusal=OF_START),
    ConfigEntry("rest", "s3_client_timeout", 5.0, {"type": "number", "minimum": 0}, LOCAL_FILES),
    ConfigEntry("rest", "s3_resources_bucket", "resources", TEXT, LOCAL_FILES),
    ConfigEntry("rest", "s3_server_url", None, TEXT, LOCAL_FILES),
    ConfigEntry("workflow", "subgraph_retries", 0, {"type": "integer", "minimum": -1}),
    ConfigEntry("workflow", "task_retries", 60, {"type": "integer", "minimum": -1}),
    ConfigEntry("workflow", "task_retry_interval", 15, {"type": "number", "minimum": 0}),
)
# They are kept with the entries, and none of them.
MAINTENANCE_MODE = ConfigEntry("maintenance", "mode")
PROVIDER_CONTEXT = ConfigEntry("provider", "context")
SCOPES = tuple(dict.fromkeys(entry.scope for entry in ENTRIES))
BY_FULL_NAME = {entry.full_name: entry for entry in (*ENTRIES, MAINTENANCE_MODE)}
