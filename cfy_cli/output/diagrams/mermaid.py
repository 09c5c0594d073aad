"""A diagram as Mermaid, which GitHub, GitLab and many editors draw."""

from cfy_cli.output.diagrams.diagram import Box, Diagram


def mermaid(diagram: Diagram) -> str:
    names = {box_id: f"n{number}" for number, box_id in enumerate(diagram.boxes)}
    lines = ["---", f"title: {_quoted(diagram.title)}", "---", "flowchart TB"]

    def draw(box: Box, depth: int) -> None:
        indent, inside = "  " * depth, diagram.inside(box.id)
        if not inside:
            lines.append(f"{indent}{names[box.id]}[{_label(box)}]")
            return
        lines.append(f"{indent}subgraph {names[box.id]}[{_label(box)}]")
        for each in inside:
            draw(each, depth + 1)
        lines.append(f"{indent}end")

    for box in diagram.inside(None):
        draw(box, 1)
    for arrow in diagram.arrows:
        line = "-->" if arrow.is_connection else "-.->"
        label = f"|{_quoted(arrow.label)}|" if arrow.label else ""
        lines.append(f"  {names[arrow.source]} {line}{label} {names[arrow.target]}")
    return "\n".join(lines) + "\n"


def _label(box: Box) -> str:
    parts = [_escaped(part) for part in (box.title, box.subtitle, box.state) if part]
    return f'"{"<br/>".join(parts)}"'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Anything that could be markup, as the entities that Mermaid knows."""
    return "".join(each if each.isalnum() or each in " -_.:/" else f"#{ord(each)};" for each in text)
