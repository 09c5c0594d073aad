"""Diagrams as SVG, laid out without another program."""

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from cfy_cli.output.diagrams.diagram import Arrow, Diagram
from cfy_cli.output.diagrams.layers import Point
from cfy_cli.output.diagrams.scene import LINE_HEIGHT, PADDING, Rectangle, build_scene

HEADING_HEIGHT = 40.0  # pixels
_STYLE = """\
text { font-family: Helvetica, Arial, sans-serif; font-size: 11px; fill: #57606a;
  stroke: #ffffff; stroke-width: 3px; stroke-opacity: 0.85; paint-order: stroke; }
.title { font-size: 13px; font-weight: bold; fill: #1f2328; }
.heading { font-size: 16px; font-weight: bold; fill: #1f2328; }
.box { fill: #ffffff; stroke: #8c959f; }
.container { fill: #0969da; fill-opacity: 0.05; stroke: #8c959f; }
.arrow { fill: none; stroke: #57606a; stroke-width: 1.3; }
.dependency { stroke-dasharray: 5 3; }
.started { fill: #dafbe1; stroke: #1a7f37; } .started.container { fill: #1a7f37; }
.deleted, .uninitialized { fill: #f6f8fa; stroke: #afb8c1; }
.busy { fill: #fff8c5; stroke: #9a6700; } .busy.container { fill: #9a6700; }
"""
_STATE_CLASSES = {"started": "started", "deleted": "deleted", "uninitialized": "uninitialized", None: "plain"}


def render_svg(diagram: Diagram) -> str:
    scene = build_scene(diagram)
    width, height = max(scene.width, len(diagram.title) * 10.0 + 2 * PADDING), scene.height + HEADING_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<title>{escape(diagram.title)}</title>",
        f"<style>\n{_STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8"'
        ' orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#57606a"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text class="heading" x="{PADDING:.0f}" y="27">{escape(diagram.title)}</text>',
        f'<g transform="translate(0 {HEADING_HEIGHT:.0f})">',
        *map(_render_rectangle, scene.rectangles),
        *(_render_arrow(arrow, path) for arrow, path in scene.paths),
        *(text for rectangle in scene.rectangles for text in _render_texts(rectangle)),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _render_rectangle(rectangle: Rectangle) -> str:
    kind, state = "container" if rectangle.is_container else "box", _STATE_CLASSES.get(rectangle.box.state, "busy")
    return (
        f'<rect class="{kind} {state}" x="{rectangle.x:.1f}" y="{rectangle.y:.1f}"'
        f' width="{rectangle.width:.1f}" height="{rectangle.height:.1f}" rx="6"/>'
    )


def _render_texts(rectangle: Rectangle) -> Iterator[str]:
    """Render texts after the arrows, because some arrows cross the heading of a container."""
    box, y = rectangle.box, rectangle.y + PADDING * 0.4
    if rectangle.is_container:
        x, anchor = rectangle.x + PADDING / 2, ""
    else:
        x, anchor = rectangle.x + rectangle.width / 2, ' text-anchor="middle"'
    for text, kind in ((box.title, ' class="title"'), (box.subtitle, ""), (box.state, "")):
        if text:
            y += LINE_HEIGHT
            yield f'<text{kind}{anchor} x="{x:.1f}" y="{y - 4:.1f}">{escape(text)}</text>'


def _render_arrow(arrow: Arrow, path: list[Point]) -> str:
    (x, y), *others = path
    steps = [f"M{x:.1f},{y:.1f}"]
    for next_x, next_y in others:
        half = (y + next_y) / 2
        if abs(next_x - x) < 0.1:
            steps.append(f"L{next_x:.1f},{next_y:.1f}")
        else:
            steps.append(f"C{x:.1f},{half:.1f} {next_x:.1f},{half:.1f} {next_x:.1f},{next_y:.1f}")
        x, y = next_x, next_y
    css_class = "arrow" if arrow.is_connection else "arrow dependency"
    tooltip = (
        f"{arrow.source} {arrow.label or ('connected to' if arrow.is_connection else 'depends on')} {arrow.target}"
    )
    data = quoteattr(" ".join(steps))
    return f'<path class="{css_class}" d={data} marker-end="url(#head)"><title>{escape(tooltip)}</title></path>'
