"""Diagrams in Mermaid, which GitHub, GitLab and many editors render."""

from cfy_cli.output.diagrams.diagram import Box, Diagram


def render_mermaid(diagram: Diagram) -> str:
    names = {box_id: f"n{index}" for index, box_id in enumerate(diagram.boxes)}
    lines = ["---", f"title: {_quote(diagram.title)}", "---", "flowchart TB"]

    def draw(box: Box, depth: int) -> None:
        indent, children = "  " * depth, diagram.children(box.id)
        if not children:
            lines.append(f"{indent}{names[box.id]}[{_label(box)}]")
            return
        lines.append(f"{indent}subgraph {names[box.id]}[{_label(box)}]")
        for child in children:
            draw(child, depth + 1)
        lines.append(f"{indent}end")

    for box in diagram.children(None):
        draw(box, 1)
    for arrow in diagram.arrows:
        line = "-->" if arrow.is_connection else "-.->"
        label = f"|{_quote(arrow.label)}|" if arrow.label else ""
        lines.append(f"  {names[arrow.source]} {line}{label} {names[arrow.target]}")
    return "\n".join(lines) + "\n"


def _label(box: Box) -> str:
    parts = [_escape(part) for part in (box.title, box.subtitle, box.state) if part]
    return f'"{"<br/>".join(parts)}"'


def _quote(text: str) -> str:
    return f'"{_escape(text)}"'


def _escape(text: str) -> str:
    """Replace characters that could be markup by entity codes of Mermaid."""
    return "".join(char if char.isalnum() or char in " -_.:/" else f"#{ord(char)};" for char in text)
