"""Exit codes, environment variables and files of commands: for man pages, `cfy docs` and the documentation."""

from collections.abc import Iterator

from cfy_cli.contract.exit_codes import EXIT_CODES

ENVIRONMENT = (
    (
        "CFY_WORKDIR",
        "The folder that contains .cloudify, with profiles and the manager on this machine, and config.toml. "
        "Default: home.",
    ),
    ("XDG_CONFIG_HOME", "The folder that contains cfy/config.toml. Default: ~/.config."),
    ("CFY_AUTOSTART", "Set to false, commands do not start the manager on this machine."),
    ("CLOUDIFY_MANAGER", "The manager to use, as with --manager."),
    ("CLOUDIFY_USERNAME, CLOUDIFY_PASSWORD", "The credentials to use instead of those of the profile."),
    ("CLOUDIFY_TOKEN", "The token to use instead of the credentials of the profile."),
    ("CLOUDIFY_TENANT", "The tenant to use, as with --tenant-name."),
    ("CLOUDIFY_SSL_TRUST_ALL", "Set to true, any certificate is trusted."),
    ("LOCAL_REST_CERT_FILE", "The file with the certificate of the manager."),
    ("CFY_PROFILE", "The profile to use, as with --profile."),
    ("CLOUDIFY_KERBEROS_ENV", "Set to true, commands refuse to log in: Kerberos is not supported, use a token."),
    ("CFY_ENCRYPTION_KEY", "For `cfy manager start`: the key of the secrets, instead of the file secrets.key."),
    ("CFY_ADMIN_PASSWORD", "For `cfy manager start`: the password of the administrator at the first start."),
    ("PGPASSWORD", "For `cfy manager start`: the password of the database."),
    (
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ENDPOINT_URL",
        "For `cfy manager start`: the credentials and the address of a storage in S3.",
    ),
    ("CFY_BROKER", "For `celery -A cfy_cli.agent.celery_app` and Flower: the URL of the broker."),
    ("CFY_BROKER_CA_CERTIFICATE", "The same: the file of the authority that has signed the broker's certificate."),
    (
        "CFY_AGENT_NAME, CFY_AGENT_MANAGER_URL, CFY_AGENT_TOKEN, CFY_AGENT_TENANT, CFY_AGENT_BROKER_URL, "
        "CFY_AGENT_QUEUE, CFY_AGENT_CA_CERTIFICATE, CFY_AGENT_BROKER_CA_CERTIFICATE",
        "For `cfy agents start`: values in place of those in the configuration file of the agent.",
    ),
    ("CFY_AGENT_CONFIG", "For `cfy agents start`: the configuration file. Default: ~/.cfy-agents/agent.json."),
    ("CFY_AGENT_FOLDER", "For the script that installs an agent: its folder. Default: ~/.cfy-agents/NAME."),
    ("CFY_AGENT_PROGRAM", "For the script that installs an agent: the program of a host that has it already."),
    ("CFY_EXEC_TEMP", "For operations: the folder of temporary files."),
    ("HTTP_PROXY, HTTPS_PROXY, NO_PROXY", "Proxies, as in other programs."),
    ("NO_COLOR", "Set to any value, output is not colored."),
)
CONFIGURATION = """
The file ~/.config/cfy/config.toml, or config.toml in $CFY_WORKDIR, sets defaults of the output and aliases of commands.
An option on the command line overrides an environment variable, a variable overrides the profile in use, and a profile
overrides the file. `cfy profiles show-current --effective` shows what applies, and from where.

`format` and `color` have the values of the options of the same name. `events` is compact (as with --compact), full, or
auto: compact on a terminal. [columns] has the columns of lists by the name of
the list; they apply to tables, not to JSON and other data. [aliases] has short names of commands with their options;
more options may follow them, and they cannot have the name of a command.
"""
CONFIGURATION_EXAMPLE = """\
color = "never"

[columns]
deployments = ["id", "blueprint_id", "installation_status", "labels"]

[aliases]
ll = "deployments list --sort-by created_at --descending"
"""
FILES = (
    ("~/.config/cfy/config.toml", "The configuration file, see above."),
    ("~/.cloudify/profiles/NAME/context.json", "A profile: the address and credentials of a manager."),
    ("~/.cloudify/active.profile", "The name of the profile in use."),
    ("~/.cloudify/cache", "Cached names for completion; may be deleted at any time."),
    ("~/.cloudify/manager", "The data of the manager on this machine, or of --data-dir."),
    ("~/.cloudify/manager/secrets.key", "The key of the secrets; without it they cannot be read."),
    ("~/.cfy-agents/NAME", "The configuration, the log and the environment of an agent on this host."),
)


def build_environment_page() -> Iterator[str]:
    """Yield the lines of the page in Markdown."""
    yield "# Exit codes, environment and files\n"
    yield "## Exit codes\n\n| code | |\n|---|---|"
    yield from (f"| {code} | {text} |" for code, text in EXIT_CODES)
    yield "\n## Environment variables\n\n| variable | |\n|---|---|"
    yield from (f"| `{name}` | {text} |" for name, text in ENVIRONMENT)
    yield "\n## Files\n\n| file | |\n|---|---|"
    yield from (f"| `{name}` | {text} |" for name, text in FILES)
    yield f"\n## Configuration file\n{CONFIGURATION}\n```toml\n{CONFIGURATION_EXAMPLE}```"
