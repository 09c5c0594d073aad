"""User data of virtual machines: several parts in one message for cloud-init."""

import email
from collections.abc import Iterable, Mapping
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import PurePath

from ..exceptions import NonRecoverableError

SCRIPT_MIME_TYPE = "text/x-shellscript"
mapping_prefixes = {  # the type of a part by the beginning of its first line
    "#include": "text/x-include-url",
    "#include-once": "text/x-include-once-url",
    "#cloud-config": "text/cloud-config",
    "#cloud-config-archive": "text/cloud-config-archive",
    "#upstart-job": "text/upstart-job",
    "#part-handler": "text/part-handler",
    "#cloud-boothook": "text/cloud-boothook",
    "#!": SCRIPT_MIME_TYPE,
    "rem cmd": SCRIPT_MIME_TYPE,
    "#ps1_sysnative": SCRIPT_MIME_TYPE,
    "#ps1_x86": SCRIPT_MIME_TYPE,
}
script_extensions = {"#!": "sh", "rem cmd": "cmd", "#ps1_sysnative": "ps1", "#ps1_x86": "ps1"}


def create_multi_mimetype_userdata(userdatas: Iterable[str]) -> str:
    """Join user data into one message; what is a message of several parts itself is taken apart."""
    outer = MIMEMultipart()
    for userdata in userdatas:
        message = email.message_from_string(userdata)
        parts = [part for part in message.walk() if not part.is_multipart()] if message.is_multipart() else None
        for part in parts or [_part(userdata)]:
            number = len(outer.get_payload())
            suffix = PurePath(part.get_filename() or "").suffix
            del part["Content-Disposition"]
            name = f"{number:03d}{suffix}"
            part.add_header("Content-Disposition", "attachment", filename=name)
            outer.attach(part)
    return outer.as_string(unixfrom=False)


def _part(userdata: str) -> Message:
    first = userdata.partition("\n")[0]
    kind = _find(mapping_prefixes, first)
    if kind is None:
        raise NonRecoverableError(f"User data cannot begin with: {first}")
    part = MIMEText(userdata, _subtype=kind.partition("/")[2])
    extension = _find(script_extensions, first)
    part.add_header("Content-Disposition", "attachment", filename=f"part.{extension}" if extension else "part")
    return part


def _find(prefixes: Mapping[str, str], line: str) -> str | None:
    """Return the value of the longest prefix of the line."""
    found = [prefix for prefix in prefixes if line.startswith(prefix)]
    return prefixes[max(found, key=len)] if found else None
