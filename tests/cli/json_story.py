"""The story that the public cfy and ours are told for a comparison of their JSON, and how its answers are compared."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jmespath

from tests.manager.every_operation import PNG
from tests.wagons import YAML, bundle, wagon

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
description: A web server with a database, described at length
imports: [cloudify/types/types.yaml]
metadata: {team: core}
inputs:
  port: {type: integer, default: 8080, description: The port}
  name: {type: string, display_label: Name}
labels:
  tier: {values: [front]}
node_templates:
  db: {type: cloudify.nodes.Root}
  page:
    type: cloudify.nodes.Root
    relationships: [{type: cloudify.relationships.depends_on, target: db}]
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: create.sh, inputs: {port: {default: {get_input: port}}}}
outputs:
  url: {description: Where it answers, value: {concat: ['http://', {get_input: name}, ':', {get_input: port}]}}
  plain: {value: 1}
capabilities:
  endpoint: {value: {get_input: port}}
"""
SCRIPT = """\
ctx logger info "creating $port"
ctx instance runtime-properties answer 42
"""
# `COMMAND -> NAME QUERY` keeps what the query finds in the JSON, for `{NAME}` in the lines after it. `- COMMAND` has no
# option `--json` in the public tool, or prints what depends on the machine. `! COMMAND` is refused.
STORY = """\
profiles list
status
secrets create db -s canary
secrets create hidden -s canary --hidden-value
secrets list
secrets get db
secrets update db -s other
secrets set-visibility db -l tenant
secrets set-global db
secrets export --non-encrypted -o secrets.json
secrets import --non-encrypted -i secrets.json
secrets delete hidden
sites create tlv --location 1,2
sites create empty
sites list
sites get tlv
sites update tlv --location 3,4
tenants create acme
tenants list
tenants list --get-data
tenants get acme
users create ann -p annpass12345
tenants add-user ann -t acme -r user
users list
users list --get-data
users get ann
users get ann --get-data
users get admin
tenants list --get-data
tenants get acme --get-data
tenants update-user ann -t acme -r viewer
tenants remove-user ann -t acme
users set-role ann -r sys_admin
users set-password ann -p otherpass1234
users deactivate ann
users activate ann
users unlock ann
users delete ann
tenants delete acme
tokens create -d test -> token id
tokens list
tokens get {token}
tokens delete {token}
plugins validate tiny.wgn
plugins upload tiny.wgn -y plugin.yaml
plugins list -> plugin [0].id
plugins list --get-data
plugins get {plugin}
plugins get {plugin} --get-data
plugins blueprint-labels add a:b,a:c {plugin}
plugins blueprint-labels list {plugin}
plugins blueprint-labels delete a:b {plugin}
plugins blueprint-labels list {plugin}
plugins deployment-labels add d:e {plugin}
plugins deployment-labels list {plugin}
plugins set-visibility {plugin} -l tenant
plugins set-global {plugin}
plugins download {plugin} -o fetched.wgn
plugins download_yaml {plugin} -o fetched.yaml
plugins delete {plugin}
blueprints upload app/blueprint.yaml -b app --labels a:b
blueprints list
blueprints list -lr a=b
blueprints list -lr a=nothing
blueprints list --search ap --sort-by id --descending
blueprints filters create mine -lr 'a=[b,b\\,c]' -ar id=app
blueprints filters list
blueprints filters get mine
blueprints filters update mine -lr 'a is not null' -lr 'b is-not c'
blueprints filters list
blueprints list --filter-id mine
blueprints filters delete mine
blueprints inputs app
blueprints labels list app
blueprints labels add c:d app
blueprints labels delete c app
blueprints labels list app
blueprints download app -o app.tar.gz
deployments create dep -b app -i name=web --labels x:y,x:z --site-name tlv
deployments create other -b app -i name=api
blueprints get app
blueprints set-visibility app -l global
deployments list
deployments list -b app -lr x=y
deployments list -ar created_by=admin --search de
deployments list --search-name oth
deployments list --sort-by id --descending -s 1 -o 1
deployments list --all-tenants
deployments filters create mine -lr x=y -ar 'blueprint_id contains ap'
deployments filters list --search mine
deployments filters get mine
deployments filters list --search csys-service
deployments list --filter-id mine
deployments filters delete mine
deployments status-list
deployments status-list -lr x=y
blueprints summary visibility
deployments summary blueprint_id site_name
deployments inputs dep
deployments outputs dep
deployments capabilities dep
deployments labels list dep
deployments labels add c:d dep
deployments labels delete c dep
deployments set-site dep -s empty
deployments set-visibility dep -l global
workflows list -d dep
workflows list -d dep --all
workflows get install -d dep
workflows get execute_operation -d dep
executions start install -d dep
executions start execute_operation -d dep -p operation=cloudify.interfaces.lifecycle.create --json-output
executions list -d dep -> execution [?workflow_id=='install'].id|[0]
executions list -d dep --include-system-workflows
executions list --sort-by workflow_id --descending -s 2
executions get {execution}
events list {execution}
events list {execution} --no-logs
events list {execution} --json-output
executions summary workflow_id status
nodes summary deployment_id
node-instances summary state -a
executions graphs list {execution} -> graph [?name=='install'].id|[0]
executions operations list {execution} -> operation [-1].id
executions operations list {execution} --state failed
executions operations list {execution} --show-internal
executions operations list --graph-id {graph}
executions operations get {operation}
nodes list
nodes list -d dep
nodes list -d dep --evaluate-functions
nodes get page -d dep
nodes get db -d dep
nodes get db -d dep --evaluate-functions
node-instances list -d dep -> instance [?node_id=='page'].id|[0]
node-instances list -n page
node-instances get {instance}
node-instances get {instance} --evaluate-functions
node-instances update-runtime {instance} -p more.x=1
node-instances delete-runtime {instance} -p more
deployments outputs dep
deployments list
executions start check_status -d dep --json-output
executions start check_drift -d dep
deployments list -b app
executions start scale -d dep -p scalable_entity_name=page -p delta=1
nodes list -d dep
executions start uninstall -d dep
executions list -d dep
nodes list -d dep
events delete dep
deployments delete dep
deployments delete other
blueprints delete app
install app/blueprint.yaml -b quick -d quick -i name=web
deployments list
uninstall quick
secrets delete db
sites delete tlv
sites delete empty
blueprints list
deployments list
executions list
node-instances list
plugins list
sites list
secrets list
users create ann -p annpass12345
tenants create acme
permissions list --role viewer
permissions disallow --role viewer --permission site_list
permissions allow --role viewer --permission site_list
user-groups create ops -r default
user-groups list
user-groups list --get-data
user-groups add-user ann -g ops
user-groups get ops
user-groups get ops --get-data
user-groups set-role ops -r sys_admin
tenants add-user-group ops -t acme -r user
tenants update-user-group ops -t acme -r viewer
users get ann --get-data
tenants get acme --get-data
tenants remove-user-group ops -t acme
user-groups remove-user ann -g ops
user-groups delete ops
license list
license check
secrets providers create here -y local
secrets providers list
secrets providers get here
secrets providers update here -y local
secrets providers test here -y local
secrets providers delete here
config update task_retries=60
maintenance-mode status
maintenance-mode activate
maintenance-mode status
maintenance-mode deactivate
auditlog list -c nobody
agents list
blueprints upload app/blueprint.yaml -b app
deployments create one -b app -i name=web
- deployments groups create many -b app
- deployments groups extend many -d one
deployments groups labels add a:b many
deployments groups labels list many
deployments groups labels delete a:b many
executions groups start execute_operation -g many -p operation=cloudify.interfaces.lifecycle.create --json-output
executions groups list -> group [0].id
executions groups get {group}
executions groups details {group}
executions groups set-concurrency {group} 3
executions groups set-success-group {group} many
executions groups set-failure-group {group} many
executions groups cancel {group}
executions groups resume {group}
- deployments groups shrink many -d one
- deployments groups delete many
deployments schedule create one install -n nightly -s '2030-01-01 01:00' --tz UTC -r '1 day' -c 3
deployments schedule list one
deployments schedule update one nightly -r '1 week' --weekdays mo,fr
deployments schedule disable one nightly
deployments schedule enable one nightly
deployments schedule list one
deployments schedule summary deployment_id
deployments schedule delete one nightly
deployments update one -i name=other --json-output
deployments history -d one -> update [0].id
deployments get-update {update}
deployments update one -i name=more --preview
plugins update app --json-output
plugins history -b app -> change [0].id
plugins get-update {change}
license environments list
snapshots create snap -w
snapshots list
snapshots download snap -o snap.zip
snapshots status
snapshots delete snap
snapshots list
executions delete --keep-last 1
- idp get
- ldap status
license upload license.yaml
license list
- license environments count
license remove
- cluster status
- cluster managers list
- cluster brokers list
- cluster db-nodes list
- managers list
- db-nodes list
- config list
! cluster remove elsewhere
! cluster brokers remove elsewhere
! agents install
secrets create db -s canary
- secrets set-owner db -s ann
- blueprints set-owner app -s ann
blueprints set-global app
- blueprints set-icon app -i icon.png
blueprints validate app/blueprint.yaml
- blueprints package app/blueprint.yaml -o packed.zip
- deployments set-owner one -s ann
deployments filters create mine -lr x=y
deployments filters update mine -lr x=z
- deployments groups create many -b app
- deployments groups update many -b app
- deployments groups list
deployments schedule create one install -n later -s '2031-01-01 01:00' --tz UTC -c 1
- deployments schedule get one later
groups list -d one
executions start install -d one
executions start scale -d one -p scalable_entity_name=page -p delta=1
executions list -d one --sort-by created_at -> ended [-1].id
! executions cancel {ended}
! executions resume {ended}
deployments modifications list one -> modification [0].id
deployments modifications get {modification}
! deployments modifications rollback {modification}
plugins upload tiny.wgn -y plugin.yaml
plugins list --sort-by package_name -> tiny [-1].id
- plugins set-owner {tiny} -s ann
plugins resource-tags add k:v {tiny}
plugins resource-tags list {tiny}
plugins resource-tags delete k {tiny}
plugins deployment-labels add d:e {tiny}
plugins deployment-labels delete d:e {tiny}
- plugins list_updates
- log-bundles create bundle
- log-bundles list
snapshots upload snap.zip -s again
snapshots list
- plugins bundle-upload -p bundle.tgz
- auditlog truncate -b 7w
- profiles show-current
- profiles export -o profiles.tar.gz
- apply --blueprint-path app/blueprint.yaml -b late -d late -i name=web
- community register -f Ann -l Lee -e ann@example.com -p 1 -a
- ldap set -s ldap://127.0.0.1:1 -d example.com
"""
LICENSE = """\
license:
  customer_id: acme
  expiration_date: 12/31/2030
  license_edition: Premium
  trial: false
  cloudify_version: 7.0
  capabilities: [scale]
signature: c2ln
"""
# Commands of which ours prints one value, and the position of that among those of the public tool.
COMPARED: Mapping[str, int] = {
    "executions groups details {group}": -3,  # it prints events, the group, null and counts; ours holds them all
}
_PLACEHOLDERS = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"), "TIME"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"(?<![a-z])(db|page)_[0-9a-z]{6}\b"), r"\1_ID"),
    (re.compile(r"ctok-\S+"), "TOKEN"),
    (re.compile(r"PID(: |=)\d+"), r"PID\1NUMBER"),
    (re.compile(r"/\S+/create\.sh"), "create.sh"),
)  # fmt: skip
_PROGRESS_BAR = re.compile(r"^ \S+ \|[#-]+\| [\d.]+%$", re.MULTILINE)
_VARYING = frozenset(
    {"_storage_id", "manager_name", "agent_name", "rest_port", "MainPID", "version"}
)  # fields that differ between runs or machines
Json = Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command printed: the values of its JSON, one for each line if it prints a line for each value."""

    code: int
    values: list[Json]

    def to_json(self) -> Json:
        return {"code": self.code, "values": self.values}


def write_files(folder: Path) -> None:
    """Write the files that the story names."""
    app = folder / "app"
    app.mkdir()
    (app / "blueprint.yaml").write_text(BLUEPRINT, "utf-8")
    (app / "create.sh").write_text(SCRIPT, "utf-8")
    (folder / "license.yaml").write_text(LICENSE, "utf-8")
    (folder / "icon.png").write_bytes(PNG)
    (folder / "bundle.tgz").write_bytes(bundle(("another", "1.0")))
    (folder / "tiny.wgn").write_bytes(wagon())
    (folder / "plugin.yaml").write_text(YAML.format(name="tiny-plugin", version="1.0.0"), "utf-8")


def tell(run: Callable[[str], tuple[int, str]], address: str) -> Iterator[tuple[str, Outcome]]:
    """Run the story with a profile of the address, and `--json` on each line; yield each line with its outcome."""
    kept = {"address": address, "profile": f"*{address}"}
    for text in STORY.splitlines():
        command, _, query = text.partition(" -> ")
        if command.startswith(("- ", "! ")):
            code, _ = run(command[2:].format(**kept))
            yield command, Outcome(code, [])
            continue
        code, out = run(f"{command.format(**kept)} --json")
        values = parse(out)
        if query:
            name, expression = query.split(" ", 1)
            kept[name] = str(jmespath.search(expression, values[0]) if values else None)
        names = {value: name for name, value in kept.items()}
        yield command, Outcome(code, _sort_events([normalize(value, names) for value in values]))


def parse(out: str) -> list[Json]:
    """Return the values that follow each other in the text, without progress bars. Raises ValueError."""
    decoder, values, position = json.JSONDecoder(), [], 0
    text = _PROGRESS_BAR.sub("", out).strip()
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        values.append(value)
        while text[position : position + 1].isspace():
            position += 1
    return values


def _sort_events(values: list[Json]) -> list[Json]:
    """Sort events, which may be stored in another order; the public cfy shows those of an upload only if it is slow."""
    events = [value for value in values if isinstance(value, dict) and {"context", "message"} <= value.keys()]
    others = [value for value in values if value not in events]
    shown = [event for event in events if event["context"].get("workflow_id") != "upload_blueprint"]
    return (
        sorted(shown, key=lambda event: (event["message"]["text"], json.dumps(event["context"], sort_keys=True)))
        + others
    )


def normalize(value: Json, kept: Mapping[str, str]) -> Json:
    """Replace what differs between two runs of the story."""
    if isinstance(value, dict):
        return {name: None if name in _VARYING else normalize(item, kept) for name, item in value.items()}
    if isinstance(value, list):
        return [normalize(item, kept) for item in value]
    if isinstance(value, str):
        if value in kept:
            return f"{{{kept[value]}}}"
        for pattern, replacement in _PLACEHOLDERS:
            value = pattern.sub(replacement, value)
    return value


def differences(public: Json, ours: Json, place: str = "") -> Iterator[str]:
    """Yield what ours lacks of the public tool's value; objects may have further fields."""
    if isinstance(public, dict) and isinstance(ours, dict):
        for name, value in public.items():
            if name in ours:
                yield from differences(value, ours[name], f"{place}.{name}")
            else:
                yield f"{place}.{name} is absent"
    elif isinstance(public, list) and isinstance(ours, list):
        if len(public) != len(ours):
            yield f"{place} has {len(ours)} elements, publicly {len(public)}"
        for index, (one, other) in enumerate(zip(public, ours, strict=False)):
            yield from differences(one, other, f"{place}[{index}]")
    elif public != ours or type(public) is not type(ours):
        yield f"{place} is {ours!r:.200}, publicly {public!r:.200}"
