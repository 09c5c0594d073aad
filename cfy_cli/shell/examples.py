"""Examples of each command for its help and man page; a test parses all of them."""

from cfy_cli.contract.resources import ALL

_ARGUMENTS = {"get": "", "delete": "", "set-visibility": " -l global", "set-global": "", "set-owner": " -s ann"}

EXAMPLES = {
    "api": (
        "cfy api GET deployments -f _include=id",
        "cfy api GET /openapi.json",
        "cfy api POST executions --input execution.json",
    ),
    "blueprints create-requirements": ("cfy blueprints create-requirements blueprint.yaml -o requirements.txt",),
    "blueprints delete": ("cfy blueprints delete web",),
    "blueprints download": ("cfy blueprints download web -o web.tar.gz",),
    "blueprints filters create": ("cfy blueprints filters create core-blueprints -lr team=core -ar 'id contains web'",),
    "blueprints filters update": ("cfy blueprints filters update core-blueprints -lr 'team=[core,web]'",),
    "blueprints get": ("cfy blueprints get web",),
    "blueprints graph": (
        "cfy blueprints graph blueprint.yaml -o graph.svg",
        "cfy blueprints graph -d web-1 --format dot",
    ),
    "blueprints inputs": ("cfy blueprints inputs web",),
    "blueprints labels add": ("cfy blueprints labels add team:core,env:dev web",),
    "blueprints labels delete": ("cfy blueprints labels delete env web",),
    "blueprints labels list": ("cfy blueprints labels list web",),
    "blueprints lint": ("cfy blueprints lint blueprint.yaml", "cfy blueprints lint blueprints --format github"),
    "blueprints list": ("cfy blueprints list -lr team=core --sort-by id", "cfy blueprints list --format name"),
    "blueprints package": ("cfy blueprints package blueprint.yaml -o web.tar.gz --validate",),
    "blueprints summary": ("cfy blueprints summary visibility",),
    "blueprints upload": ("cfy blueprints upload blueprint.yaml -b web",),
    "blueprints validate": ("cfy blueprints validate blueprint.yaml --on-manager",),
    "completion": ('eval "$(cfy completion bash)"',),
    "config list": ("cfy config list --columns name,value",),
    "config update": (
        "cfy config update rest.default_page_size=500",
        """cfy config update '{"workflow.task_retries": 3, "workflow.task_retry_interval": 5}'""",
    ),
    "deployments capabilities": ("cfy deployments capabilities web-1 --json",),
    "deployments create": ("cfy deployments create web-1 -b web -i port=8080 -i inputs.yaml",),
    "deployments delete": ("cfy deployments delete web-1",),
    "deployments dependencies add": ("cfy deployments dependencies add web-1 network",),
    "deployments dependencies delete": ("cfy deployments dependencies delete web-1 network",),
    "deployments dependencies list": ("cfy deployments dependencies list --target network",),
    "deployments filters create": ("cfy deployments filters create production -lr env=prod -ar blueprint_id=web",),
    "deployments filters update": ("cfy deployments filters update production -l global",),
    "deployments get": ("cfy deployments get web-1 -x",),
    "deployments inputs": ("cfy deployments inputs web-1",),
    "deployments labels add": ("cfy deployments labels add owner:ann web-1",),
    "deployments labels delete": ("cfy deployments labels delete owner:ann web-1",),
    "deployments labels list": ("cfy deployments labels list web-1",),
    "deployments list": (
        "cfy deployments list -b web --columns id,installation_status",
        "cfy deployments list -ar 'created_by=ann' --format csv",
    ),
    "deployments outputs": ("cfy deployments outputs web-1 --query port.value",),
    "deployments status-list": ("cfy deployments status-list -b web",),
    "deployments set-site": ("cfy deployments set-site web-1 -s tel-aviv",),
    "deployments summary": ("cfy deployments summary blueprint_id deployment_status",),
    "doctor": ("cfy doctor", "cfy doctor --profile production"),
    "events delete": ("cfy events delete web-1 --before '3 months ago' --store-before",),
    "events list": (
        "cfy events list --tail 3c2b6a1e-7d55-4b3c-9f0e-0a6c5c2b9d11",
        "cfy events list -g nightly --from '1 h ago' --no-logs",
    ),
    "executions summary": ("cfy executions summary workflow_id status",),
    "executions cancel": ("cfy executions cancel 3c2b6a1e-7d55-4b3c-9f0e-0a6c5c2b9d11 --kill",),
    "executions get": ("cfy executions get 3c2b6a1e-7d55-4b3c-9f0e-0a6c5c2b9d11",),
    "executions graphs list": ("cfy executions graphs list 3c2b6a1e-7d55-4b3c-9f0e-0a6c5c2b9d11",),
    "executions operations get": ("cfy executions operations get 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",),
    "executions operations list": (
        "cfy executions operations list 3c2b6a1e-7d55-4b3c-9f0e-0a6c5c2b9d11 --state failed",
    ),
    "executions list": ("cfy executions list -d web-1 --descending --limit 5",),
    "executions resume": ("cfy executions resume 3c2b6a1e-7d55-4b3c-9f0e-0a6c5c2b9d11",),
    "executions start": (
        "cfy executions start install -d web-1",
        "cfy executions start restart -d web-1 -p stop_parms=now --allow-custom-parameters --no-wait",
    ),
    "executions timeline": ("cfy executions timeline 3c2b6a1e-7d55-4b3c-9f0e-0a6c5c2b9d11",),
    "executions wait": (
        "cfy executions wait 3c2b6a1e-7d55-4b3c-9f0e-0a6c5c2b9d11 --timeout 600",
        "cfy executions list -d web-1 --format name | xargs cfy executions wait --fail-fast",
    ),
    "install": ("cfy install blueprint.yaml -d web-1 -i port=8080",),
    "manager backup": ("cfy manager backup manager.tar.gz",),
    "manager limits": ("cfy manager limits",),
    "manager logs": ("cfy manager logs -f",),
    "manager reset-password": ("cfy manager reset-password", "cfy manager reset-password bob --generate"),
    "manager restore": ("cfy manager restore manager.tar.gz --yes",),
    "manager start": (
        "cfy manager start --port 8200",
        "cfy manager start --keep-events '3 months'",
        "cfy manager start --limit request_body=64M",
    ),
    "manager status": ("cfy manager status",),
    "manager stop": ("cfy manager stop",),
    "manager unlock": ("cfy manager unlock", "cfy manager unlock bob"),
    "manager upgrade": ("cfy manager upgrade",),
    "manager vacuum": ("cfy manager vacuum --events-older-than '3 months'",),
    "managers list": ("cfy managers list",),
    "node-instances delete-runtime": ("cfy node-instances delete-runtime web_x1y2z3 -p port",),
    "node-instances update-runtime": ("cfy node-instances update-runtime web_x1y2z3 -p port=8080 -p limits.cpu=2",),
    "node-instances get": ("cfy node-instances get web_x1y2z3",),
    "node-instances list": ("cfy node-instances list -d web-1 -n web",),
    "node-instances summary": ("cfy node-instances summary state -t research",),
    "nodes get": ("cfy nodes get web -d web-1",),
    "nodes list": ("cfy nodes list -d web-1",),
    "nodes summary": ("cfy nodes summary deployment_id",),
    "plugins blueprint-labels add": (
        "cfy plugins blueprint-labels add team:core 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",
    ),
    "plugins blueprint-labels delete": (
        "cfy plugins blueprint-labels delete team 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",
    ),
    "plugins blueprint-labels list": ("cfy plugins blueprint-labels list 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",),
    "plugins bundle-upload": ("cfy plugins bundle-upload -p plugins.tar.gz",),
    "plugins delete": ("cfy plugins delete 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",),
    "plugins deployment-labels add": (
        "cfy plugins deployment-labels add team:core 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",
    ),
    "plugins deployment-labels delete": (
        "cfy plugins deployment-labels delete team 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",
    ),
    "plugins deployment-labels list": ("cfy plugins deployment-labels list 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",),
    "plugins download": ("cfy plugins download 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e -o plugin.wgn",),
    "plugins download_yaml": ("cfy plugins download_yaml 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",),
    "plugins get": ("cfy plugins get 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",),
    "plugins install": ("cfy plugins install 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",),
    "plugins list": ("cfy plugins list --sort-by package_name",),
    "plugins resource-tags add": ("cfy plugins resource-tags add cost-center:42 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",),
    "plugins resource-tags delete": (
        "cfy plugins resource-tags delete cost-center 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",
    ),
    "plugins resource-tags list": ("cfy plugins resource-tags list 5ab6f1d0-9c0e-4b7e-8e0c-1f2a3b4c5d6e",),
    "plugins upload": ("cfy plugins upload plugin.wgn -y plugin.yaml",),
    "plugins validate": ("cfy plugins validate plugin.wgn",),
    "profiles delete": ("cfy profiles delete production",),
    "profiles export": ("cfy profiles export -o profiles.tar.gz",),
    "profiles import": ("cfy profiles import profiles.tar.gz",),
    "profiles list": ("cfy profiles list",),
    "profiles set": ("cfy profiles set -t research", "cfy profiles set --password-stdin --keyring < password"),
    "profiles set-cluster": ("cfy profiles set-cluster node-2 -c node-2.pem",),
    "profiles show-current": ("cfy profiles show-current --effective",),
    "profiles unset": ("cfy profiles unset --manager-password",),
    "profiles use": (
        "cfy profiles use https://cfy.example.com --profile-name production -u ann",
        "cfy profiles use local",
    ),
    "quickstart": ("cfy quickstart",),
    "secrets create": (
        "cfy secrets create db-password -f password.txt",
        "cfy secrets create db-login --dict -f login.json --hidden-value",
    ),
    "secrets export": ("cfy secrets export -o secrets.json --passphrase-stdin < passphrase",),
    "secrets get": ("cfy secrets get db-password", "cfy secrets get db-password --query value"),
    "secrets import": ("cfy secrets import -i secrets.json --passphrase-stdin < passphrase",),
    "secrets list": ("cfy secrets list --search db",),
    "secrets update": ("cfy secrets update db-password -f password.txt",),
    "sites create": ("cfy sites create tel-aviv --location 32.07,34.78",),
    "sites list": ("cfy sites list --query '[].name'",),
    "sites update": ("cfy sites update tel-aviv -n jaffa",),
    "status": ("cfy status",),
    "tenants add-user": ("cfy tenants add-user ann -t research -r user",),
    "tenants create": ("cfy tenants create research --if-exists skip",),
    "tenants get": ("cfy tenants get research --get-data",),
    "tenants list": ("cfy tenants list",),
    "tenants remove-user": ("cfy tenants remove-user ann -t research",),
    "tenants update-user": ("cfy tenants update-user ann -t research -r viewer",),
    "tokens create": ("cfy tokens create -d nightly -e +10h --query value",),
    "tokens list": ("cfy tokens list",),
    "uninstall": ("cfy uninstall web-1",),
    "users activate": ("cfy users activate ann",),
    "users create": ("cfy users create ann --password-stdin -t research -l user < password",),
    "users deactivate": ("cfy users deactivate ann",),
    "users get": ("cfy users get ann --get-data",),
    "users list": ("cfy users list",),
    "users set-password": ("cfy users set-password ann --password-stdin < password",),
    "users set-role": ("cfy users set-role ann -r sys_admin",),
    "users unlock": ("cfy users unlock ann",),
    "workflows get": ("cfy workflows get install -d web-1",),
    "workflows list": ("cfy workflows list -d web-1 --all",),
}


def examples_of(command_path: str) -> tuple[str, ...]:
    """Return the examples of a command, by its full name with `cfy`; none for a group."""
    path = command_path.partition(" ")[2]
    return EXAMPLES.get(path) or _generic(*path.rpartition(" ")[::2])


def _generic(group: str, verb: str) -> tuple[str, ...]:
    """Return the example of a command that `verbs` makes, with the example key of its resource."""
    resource = next((resource for resource in ALL if resource.name == group and resource.example), None)
    if resource is None or verb not in (*_ARGUMENTS, "list"):
        return ()
    if verb == "list":
        return (f"cfy {group} list",)
    return (f"cfy {group} {verb} {resource.example}{_ARGUMENTS[verb]}".rstrip(),)
