"""A diagram in DOT, the language of Graphviz."""

from cfy_cli.output.diagrams.diagram import Box, Diagram


def dot(diagram: Diagram) -> str:
    names = {box_id: f"n{number}" for number, box_id in enumerate(diagram.boxes)}
    containers = {box.parent for box in diagram.boxes.values()}
    lines = [
        "digraph {",
        f"  graph [label={_quoted(diagram.title)}, labelloc=t, compound=true, fontname=Helvetica];",
        "  node [shape=box, style=rounded, fontname=Helvetica];",
        "  edge [fontname=Helvetica, fontsize=10];",
    ]

    def draw(box: Box, depth: int) -> None:
        indent, name = "  " * depth, names[box.id]
        if box.id not in containers:
            lines.append(f"{indent}{name} [label={_label(box)}];")
            return
        lines.append(f"{indent}subgraph cluster_{name} {{")
        lines.append(f"{indent}  label={_label(box)}; style=rounded;")
        lines.append(f'{indent}  {name} [shape=point, style=invis, label=""];')  # where arrows to the box lead
        for each in diagram.inside(box.id):
            draw(each, depth + 1)
        lines.append(f"{indent}}}")

    for box in diagram.inside(None):
        draw(box, 1)
    for arrow in diagram.arrows:
        settings = [] if arrow.is_connection else ["style=dashed"]
        settings += [f"label={_quoted(arrow.label)}"] if arrow.label else []
        settings += [f"ltail=cluster_{names[arrow.source]}"] if arrow.source in containers else []
        settings += [f"lhead=cluster_{names[arrow.target]}"] if arrow.target in containers else []
        about = f" [{', '.join(settings)}]" if settings else ""
        lines.append(f"  {names[arrow.source]} -> {names[arrow.target]}{about};")
    return "\n".join([*lines, "}"]) + "\n"


def _label(box: Box) -> str:
    return _quoted("\n".join(part for part in (box.title, box.subtitle, box.state) if part))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
