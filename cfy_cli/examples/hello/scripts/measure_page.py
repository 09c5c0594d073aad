"""Measures the page. Python scripts have the same ctx: properties of the node, runtime properties of the instance."""

import hashlib
from pathlib import Path

from cloudify import ctx

page = Path(ctx.instance.runtime_properties["page"])
content = page.read_bytes()

ctx.instance.runtime_properties["size"] = len(content)
ctx.instance.runtime_properties["sha256"] = hashlib.sha256(content).hexdigest()

ctx.logger.info("The page is %d bytes long", len(content))
