"""The shape of every section."""

from typing import Any

from cfy_cli.dsl import syntax
from cfy_cli.dsl.constraints import ConstraintShape
from cfy_cli.dsl.functions.names import called, is_function
from cfy_cli.dsl.scaling import Scalable
from cfy_cli.dsl.schedules import SCHEDULE
from cfy_cli.dsl.shapes import (
    BOOLEAN,
    INTEGER,
    TEXT,
    Anything,
    AtLeast,
    Either,
    Entries,
    FreeList,
    FreeMap,
    ListOf,
    MapOf,
    Name,
    Reading,
    Shape,
    Since,
    Unread,
    choice,
    expected,
)
from cfy_cli.dsl.source import Node
from cfy_cli.dsl.value_types import NAMING, PLAIN, PRIMITIVES
from cfy_cli.dsl.versions import name_of

EXECUTORS = ("central_deployment_agent", "host_agent")
SCALING = "cloudify.policies.scaling"


class Implementation:
    """What an operation or a workflow runs: a plugin's function, a script's path or URL, or a script itself."""

    def read(self, node: Node, reading: Reading) -> str:
        text: str | None = TEXT.read(node, reading)
        if not text or "\n" in text.strip() or "://" in text:
            return text or ""
        return node.source.qualify(text)


class TypeName(Name):
    """The type of a value: a primitive one or a data type."""

    def __init__(self) -> None:
        super().__init__("data_types", built_in=PRIMITIVES)

    def read(self, node: Node, reading: Reading) -> Any:
        name = super().read(node, reading)
        since = NAMING.get(name)
        if since and reading.version < since and not node.source.basic:
            reading.tell(node, "version", f"the type `{name}` needs {name_of(since)} or later")
        return name


class Input(Entries):
    """What is said of an input, of a deployment, an operation or a workflow."""

    def read(self, node: Node, reading: Reading) -> Any:
        values = super().read(node, reading)
        kind, item_type = values.get("type"), values.get("item_type")
        if item_type and kind != "list":
            reading.tell(node.key_place("item_type"), "type", "`item_type` goes with `type: list` only")
        if values.get("hidden") and values.get("required", True) and "default" not in values:
            reading.tell(node, "hidden", "an input that is both hidden and required needs a default")
        if values.get("display") and kind != "textarea":
            reading.tell(node.key_place("display"), "type", "`display` goes with `type: textarea` only")
        return values


class Plugin(Entries):
    def read(self, node: Node, reading: Reading) -> Any:
        values = super().read(node, reading)
        if values["install"] and not (values["source"] or values["package_name"]):
            reading.tell(node, "plugin", "a plugin to be installed needs a `source` or a `package_name`")
        return values


class DeploymentSettings(Entries):
    """Where anything is said of deployments, their schedules are, too."""

    def read(self, node: Node, reading: Reading) -> Any:
        values = super().read(node, reading)
        return {"default_schedules": {}, **values} if values else values


class LabelValues:
    """The values of a label: strings, or, on a deployment, functions that can be called when it is made."""

    def __init__(self, functions: bool) -> None:
        self.functions = functions

    def read(self, node: Node, reading: Reading) -> Any:
        values = FreeList().read(node, reading)
        for item in node.value if isinstance(node.value, list) else ():
            if isinstance(item.value, str) or (self.functions and is_function(item.plain)):
                if called(item.plain) == "get_attribute":
                    reading.tell(item, "function", "a label cannot be a run-time attribute")
            else:
                expected("a string or a function" if self.functions else "a string", item, reading)
        return values


class AtLeastOne(ListOf):
    def __init__(self, of: Shape, called: str) -> None:
        super().__init__(of)
        self.called = called

    def read(self, node: Node, reading: Reading) -> list[Any]:
        items = [item for item in super().read(node, reading) if item is not None]
        if node.value == []:
            reading.tell(node, "empty", f"at least one {self.called} is needed")
        return list(dict.fromkeys(items))


_PROPERTY: dict[str, Shape] = {
    "required": Since((1, 2), BOOLEAN),
    "default": Anything(),
    "description": TEXT,
    "type": TypeName(),
}
_PARAMETER: dict[str, Shape] = {
    **_PROPERTY,
    "item_type": Since((1, 4), choice(*PLAIN, *NAMING)),
    "constraints": ListOf(ConstraintShape()),
}
_INPUT: dict[str, Shape] = {
    **_PARAMETER,
    "display_label": Since((1, 3), TEXT),
    "hidden": Since((1, 3), BOOLEAN),
    "display": Entries(keys={"rows": INTEGER}),
}
SCHEMA = MapOf(Entries(keys=_PROPERTY))
PARAMETERS = MapOf(Input(keys=_PARAMETER))
INPUTS = MapOf(Input(keys=_INPUT))


def _interfaces(inputs: Shape) -> Shape:
    operation = Entries(
        keys={
            "implementation": Implementation(),
            "inputs": inputs,
            "executor": choice(*EXECUTORS),
            "max_retries": Since((1, 1), AtLeast(-1, "a whole number", int)),
            "retry_interval": Since((1, 1), AtLeast(0, "a number", int, float)),
            "timeout": AtLeast(0, "a number", int, float),
            "timeout_recoverable": BOOLEAN,
        },
        rest=syntax.NO_OPERATION,
        short="implementation",
    )
    return MapOf(MapOf(operation))


_TYPE_INTERFACES = _interfaces(INPUTS)
_TEMPLATE_INTERFACES = _interfaces(FreeMap())

NODE_TYPE = Entries(
    syntax.NodeType,
    keys={
        "derived_from": Name("node_types"),
        "properties": SCHEMA,
        "interfaces": _TYPE_INTERFACES,
        "runtime_properties": SCHEMA,
    },
)
RELATIONSHIP = Entries(
    syntax.RelationshipType,
    keys={
        "derived_from": Name("relationships"),
        "properties": SCHEMA,
        "source_interfaces": _TYPE_INTERFACES,
        "target_interfaces": _TYPE_INTERFACES,
    },
)
DATA_TYPE = Entries(
    syntax.DataType,
    keys={"derived_from": Name("data_types"), "description": TEXT, "properties": SCHEMA, "version": TEXT},
)
_TEMPLATE_RELATIONSHIP = Entries(
    syntax.TemplateRelationship,
    keys={
        "type": Name("relationships"),
        "target": Name("node_templates"),
        "properties": Unread(),
        "source_interfaces": _TEMPLATE_INTERFACES,
        "target_interfaces": _TEMPLATE_INTERFACES,
    },
)
NODE_TEMPLATE = Entries(
    syntax.NodeTemplate,
    keys={
        "type": Name("node_types"),
        "properties": Unread(),
        "interfaces": _TEMPLATE_INTERFACES,
        "relationships": ListOf(_TEMPLATE_RELATIONSHIP),
        "instances": Entries(keys={"deploy": AtLeast(0, "a whole number", int)}, required=("deploy",)),
        "capabilities": Since((1, 3), Entries(keys={"scalable": Entries(keys={"properties": Scalable()})})),
    },
)
WORKFLOW = Entries(
    syntax.Workflow,
    keys={
        "mapping": Implementation(),
        "parameters": PARAMETERS,
        "is_cascading": BOOLEAN,
        "availability_rules": Since(
            (1, 4),
            Entries(
                keys={
                    "available": BOOLEAN,
                    "node_instances_active": ListOf(choice("all", "partial", "none")),
                    "node_types_required": ListOf(TEXT),
                }
            ),
        ),
    },
    short="mapping",
)
GROUP = Entries(
    syntax.Group,
    keys={
        "members": AtLeastOne(Name("node_templates", "groups"), "member"),
        "policies": MapOf(
            Entries(
                syntax.GroupPolicy,
                keys={
                    "type": Name("policy_types"),
                    "properties": Unread(),
                    "triggers": MapOf(
                        Entries(syntax.GroupTrigger, keys={"type": Name("policy_triggers"), "parameters": Unread()})
                    ),
                },
            )
        ),
    },
)
_VALUE = Entries(keys={"description": TEXT, "value": Anything()}, required=("value",))
_SINCE_1_2 = Since((1, 2), TEXT)

DEFINITIONS = Since((1, 2), Either(FreeList(), FreeMap()))  # `dsl_definitions`: a place for anchors
SECTIONS: dict[str, Shape] = {
    "blueprint_labels": MapOf(Entries(keys={"values": LabelValues(functions=False)}, required=("values",))),
    "capabilities": MapOf(_VALUE),
    "data_types": Since((1, 2), MapOf(DATA_TYPE)),
    "deployment_settings": DeploymentSettings(
        keys={
            "default_schedules": MapOf(SCHEDULE),
            "default_groups": FreeList(),
            "id_template": TEXT,
            "display_name": Either(TEXT, FreeMap()),
        }
    ),
    "description": _SINCE_1_2,
    "groups": MapOf(GROUP),
    "inputs": INPUTS,
    "labels": MapOf(Entries(keys={"values": LabelValues(functions=True)}, required=("values",))),
    "metadata": FreeMap(),
    "node_templates": MapOf(NODE_TEMPLATE),
    "node_types": MapOf(NODE_TYPE),
    "outputs": MapOf(_VALUE),
    "plugins": MapOf(
        Plugin(
            keys={
                "source": TEXT,
                "executor": choice(*EXECUTORS),
                "install": BOOLEAN,
                "install_arguments": Since((1, 1), TEXT),
                "package_name": _SINCE_1_2,
                "package_version": _SINCE_1_2,
                "supported_platform": _SINCE_1_2,
                "distribution": _SINCE_1_2,
                "distribution_version": _SINCE_1_2,
                "distribution_release": _SINCE_1_2,
                "properties_description": Since((1, 5), TEXT),
                "properties": Since(
                    (1, 5),
                    MapOf(
                        Entries(
                            keys={"description": TEXT, "type": TypeName(), "display_label": TEXT, "value": Anything()}
                        )
                    ),
                ),
            },
            required=("executor",),
            rest={
                "source": None,
                "executor": None,
                "install": True,
                "install_arguments": None,
                "package_name": None,
                "package_version": None,
                "supported_platform": None,
                "distribution": None,
                "distribution_version": None,
                "distribution_release": None,
                "properties_description": None,
                "properties": {},
            },
        )
    ),
    "policies": Since(
        (1, 3),
        MapOf(
            Entries(
                keys={
                    "type": choice(SCALING),
                    "properties": Scalable(),
                    "targets": AtLeastOne(Name("groups"), "target"),
                },
                required=("type", "targets"),
            )
        ),
    ),
    "policy_triggers": MapOf(
        Entries(
            keys={"parameters": SCHEMA, "source": TEXT}, required=("source",), rest={"parameters": {}, "source": None}
        )
    ),
    "policy_types": MapOf(
        Entries(
            keys={"properties": SCHEMA, "source": TEXT}, required=("source",), rest={"properties": {}, "source": None}
        )
    ),
    "relationships": MapOf(RELATIONSHIP),
    "resource_tags": Since((1, 3), MapOf(Anything())),
    "upload_resources": Entries(
        keys={
            "plugin_resources": ListOf(TEXT),
            "dsl_resources": ListOf(
                Entries(
                    keys={"source_path": TEXT, "destination_path": TEXT}, required=("source_path", "destination_path")
                )
            ),
            "parameters": FreeMap(),
        }
    ),
    "workflows": MapOf(WORKFLOW),
}
