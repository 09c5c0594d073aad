"""The grammar of every section of a blueprint."""

from cfy_cli.dsl import declarations
from cfy_cli.dsl.constraints import ConstraintParser
from cfy_cli.dsl.entry_parsers import (
    NUMBER,
    DeploymentSettings,
    ImplementationText,
    LabelValues,
    NonEmptyNames,
    Parameter,
    Plugin,
    TypeName,
)
from cfy_cli.dsl.parsers import (
    BOOLEAN,
    INTEGER,
    TEXT,
    AtLeast,
    Declaration,
    Deferred,
    Either,
    FreeList,
    FreeMap,
    FreeValue,
    ListOf,
    MapOf,
    Name,
    Nullable,
    Parser,
    Record,
    Since,
    choice,
)
from cfy_cli.dsl.scaling import ScalableParser
from cfy_cli.dsl.schedules import SCHEDULE
from cfy_cli.dsl.value_types import BASIC_TYPES, REFERENCE_TYPES

EXECUTORS = ("central_deployment_agent", "host_agent")
SCALING = "cloudify.policies.scaling"

_PROPERTY: dict[str, Parser[object]] = {
    "required": Since((1, 2), BOOLEAN),
    "default": FreeValue(),
    "description": TEXT,
    "type": TypeName(),
}
_PARAMETER: dict[str, Parser[object]] = {
    **_PROPERTY,
    "item_type": Since((1, 4), choice(*BASIC_TYPES, *REFERENCE_TYPES)),
    "constraints": ListOf(ConstraintParser()),
}
_INPUT: dict[str, Parser[object]] = {
    **_PARAMETER,
    "display_label": Since((1, 3), TEXT),
    "hidden": Since((1, 3), BOOLEAN),
    "display": Record(keys={"rows": INTEGER}),
}
SCHEMA = MapOf(Record(keys=_PROPERTY))
PARAMETERS = MapOf(Parameter(keys=_PARAMETER))
INPUTS = MapOf(Parameter(keys=_INPUT))


def _interfaces(inputs: Parser[object]) -> Parser[object]:
    operation = Record(
        keys={
            "implementation": ImplementationText(),
            "inputs": inputs,
            "executor": choice(*EXECUTORS),
            "max_retries": Since((1, 1), AtLeast(-1, INTEGER)),
            "retry_interval": Since((1, 1), AtLeast(0, NUMBER)),
            "timeout": AtLeast(0, NUMBER),
            "timeout_recoverable": BOOLEAN,
        },
        defaults=declarations.NO_OPERATION,
        shorthand="implementation",
    )
    return MapOf(MapOf(operation))


_TYPE_INTERFACES = _interfaces(INPUTS)
_TEMPLATE_INTERFACES = _interfaces(FreeMap())

NODE_TYPE = Declaration(
    declarations.NodeType,
    keys={
        "derived_from": Name("node_types"),
        "properties": SCHEMA,
        "interfaces": _TYPE_INTERFACES,
        "runtime_properties": SCHEMA,
    },
)
RELATIONSHIP = Declaration(
    declarations.RelationshipType,
    keys={
        "derived_from": Name("relationships"),
        "properties": SCHEMA,
        "source_interfaces": _TYPE_INTERFACES,
        "target_interfaces": _TYPE_INTERFACES,
    },
)
DATA_TYPE = Declaration(
    declarations.DataType,
    keys={"derived_from": Name("data_types"), "description": TEXT, "properties": SCHEMA, "version": TEXT},
)
_TEMPLATE_RELATIONSHIP = Declaration(
    declarations.TemplateRelationship,
    keys={
        "type": Name("relationships"),
        "target": Name("node_templates"),
        "properties": Deferred(),
        "source_interfaces": _TEMPLATE_INTERFACES,
        "target_interfaces": _TEMPLATE_INTERFACES,
    },
)
NODE_TEMPLATE = Declaration(
    declarations.NodeTemplate,
    keys={
        "type": Name("node_types"),
        "properties": Deferred(),
        "interfaces": _TEMPLATE_INTERFACES,
        "relationships": ListOf(_TEMPLATE_RELATIONSHIP),
        "instances": Record(keys={"deploy": AtLeast(0, INTEGER)}, required=("deploy",)),
        "capabilities": Since((1, 3), Record(keys={"scalable": Record(keys={"properties": ScalableParser()})})),
    },
)
WORKFLOW = Declaration(
    declarations.Workflow,
    keys={
        "mapping": ImplementationText(),
        "parameters": PARAMETERS,
        "is_cascading": BOOLEAN,
        "availability_rules": Since(
            (1, 4),
            Nullable(
                Record(
                    keys={
                        "available": BOOLEAN,
                        "node_instances_active": ListOf(choice("all", "partial", "none")),
                        "node_types_required": ListOf(TEXT),
                    }
                )
            ),
        ),
    },
    shorthand="mapping",
)
GROUP = Declaration(
    declarations.Group,
    keys={
        "members": NonEmptyNames(Name("node_templates", "groups"), "member"),
        "policies": MapOf(
            Declaration(
                declarations.GroupPolicy,
                keys={
                    "type": Name("policy_types"),
                    "properties": Deferred(),
                    "triggers": MapOf(
                        Declaration(
                            declarations.GroupTrigger, keys={"type": Name("policy_triggers"), "parameters": Deferred()}
                        )
                    ),
                },
            )
        ),
    },
)
_VALUE = Record(keys={"description": TEXT, "value": FreeValue()}, required=("value",))
_SINCE_1_2 = Since((1, 2), TEXT)

DEFINITIONS = Since((1, 2), Either(FreeList(), FreeMap()))  # `dsl_definitions` holds anchors
SECTIONS: dict[str, Parser[object]] = {
    "blueprint_labels": MapOf(Record(keys={"values": LabelValues(functions=False)}, required=("values",))),
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
    "labels": MapOf(Record(keys={"values": LabelValues(functions=True)}, required=("values",))),
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
                        Record(
                            keys={"description": TEXT, "type": TypeName(), "display_label": TEXT, "value": FreeValue()}
                        )
                    ),
                ),
            },
            required=("executor",),
            defaults={
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
            Record(
                keys={
                    "type": choice(SCALING),
                    "properties": ScalableParser(),
                    "targets": NonEmptyNames(Name("groups"), "target"),
                },
                required=("type", "targets"),
            )
        ),
    ),
    "policy_triggers": MapOf(
        Record(
            keys={"parameters": SCHEMA, "source": TEXT},
            required=("source",),
            defaults={"parameters": {}, "source": None},
        )
    ),
    "policy_types": MapOf(
        Record(
            keys={"properties": SCHEMA, "source": TEXT},
            required=("source",),
            defaults={"properties": {}, "source": None},
        )
    ),
    "relationships": MapOf(RELATIONSHIP),
    "resource_tags": Since((1, 3), MapOf(FreeValue())),
    "upload_resources": Record(
        keys={
            "plugin_resources": ListOf(TEXT),
            "dsl_resources": ListOf(
                Record(
                    keys={"source_path": TEXT, "destination_path": TEXT}, required=("source_path", "destination_path")
                )
            ),
            "parameters": FreeMap(),
        }
    ),
    "workflows": MapOf(WORKFLOW),
}
