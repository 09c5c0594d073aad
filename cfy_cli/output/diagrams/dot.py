"""Diagrams in DOT, the language of Graphviz."""

from cfy_cli.output.diagrams.diagram import Box, Diagram


def render_dot(diagram: Diagram) -> str:
    names = {box_id: f"n{index}" for index, box_id in enumerate(diagram.boxes)}
    containers = {box.parent for box in diagram.boxes.values()}
    lines = [
        "digraph {",
        f"  graph [label={_quote(diagram.title)}, labelloc=t, compound=true, fontname=Helvetica];",
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
        lines.append(f'{indent}  {name} [shape=point, style=invis, label=""];')  # the end of arrows to the cluster
        for child in diagram.children(box.id):
            draw(child, depth + 1)
        lines.append(f"{indent}}}")

    for box in diagram.children(None):
        draw(box, 1)
    for arrow in diagram.arrows:
        attributes = [] if arrow.is_connection else ["style=dashed"]
        attributes += [f"label={_quote(arrow.label)}"] if arrow.label else []
        attributes += [f"ltail=cluster_{names[arrow.source]}"] if arrow.source in containers else []
        attributes += [f"lhead=cluster_{names[arrow.target]}"] if arrow.target in containers else []
        suffix = f" [{', '.join(attributes)}]" if attributes else ""
        lines.append(f"  {names[arrow.source]} -> {names[arrow.target]}{suffix};")
    return "\n".join([*lines, "}"]) + "\n"


def _label(box: Box) -> str:
    return _quote("\n".join(part for part in (box.title, box.subtitle, box.state) if part))


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
