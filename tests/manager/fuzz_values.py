"""Odd values, texts, headers and archives, from which odd requests are made."""

import io
import random
import tarfile
import zipfile
from base64 import b64encode
from collections.abc import Callable

MIB = 1024**2
TEXTS = (
    "", " ", "x", "null", "true", "-1", "1e5", "99999999999999999999", "a b", "a/b", "../..", "%00", "'\"--",
    "{{x}}", "${x}",
    "\u202e\u0301", "😀", "ÅÄ\u2028", "\r\n", "\t", "x" * 300, "2020-01-01", "2020-13-45T99:00:00Z",
    "9999-12-31T23:59:59.999+14:00",
    "0001-01-01T00:00:00-14:00", "a=b", "a=b,c=d", "http://127.0.0.1:1/x", "file:///etc/passwd", "^(a+)+$", "[",
    "*", "_", "csys-obj-parent",
    "default_tenant", "private", "global", "terminated", "started", "cancel", "kill", "resume", "install",
    "execute_operation",
    "label:x", "-id", "+created_at", "created_at,,", "id,a,b", "+02:00", "1 hour", "every: 1s", "cloudify.nodes.Root",
)  # fmt: skip
JSON_TEXTS = (  # written into bodies as they are
    "null", "true", "0", "-1", "1.5", "-0.0", "1e5", "1E-400", "1e999", "NaN", "-Infinity", "9223372036854775808",
    "-99999999999999999999",
    "1" * 400, "1" * 5000, "[]", "{}", "[null]", "[[]]", "[1]", '[{"a": 1}]', '{"a": null}', '{"": ""}',
    '{"a": {"b": [1]}}',
    '"\\ud800x"', '"\\udfff"', '"\\ud83d\\ude00"', '"a\\u0000b"', '{"\\ud800": 1}', '{"a\\u0000": 1}',
    '{"a": 1, "a": 2}',
    '{"get_secret": "k"}', '{"get_attribute": ["web", "x"]}', '{"get_capability": ["d", "port"]}',
    '{"concat": ["a", {"get_input": "port"}]}',
    '[{"key": "a", "value": "b"}]', '[{"team": "core"}]', '{"team": ["core", 5]}', '"@"', "01", "+1", "'x'", "[1,]",
    "{", '"', "",
)  # fmt: skip
RULE_WORDS = (
    "any_of", "not_any_of", "contains", "is_null", "is_not_null", "starts_with", "is_not_empty", "label",
    "attribute", "id", "created_by",
    "display_name", "schedules", "key", "state",
)  # fmt: skip
FIELDS = (
    "id", "name", "key", "created_at", "created_by", "visibility", "tenant_name", "labels", "inputs",
    "runtime_properties", "state",
    "version", "index", "status", "is_hidden_value", "_storage_id", "message", "level", "title", "wheels", "role",
    "active", "value",
)  # fmt: skip
CONTENT_TYPES = (
    "text/plain", "application/json; charset=utf-16", "application/x-www-form-urlencoded",
    "application/problem+json", "multipart/form-data",
    "multipart/form-data; boundary=", "multipart/form-data; boundary=x", "APPLICATION/JSON", ";", "application/xml",
    "",
)  # fmt: skip
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"Tenant", b"nothing"), (b"Tenant", b"\xff\xfe"), (b"Tenant", b"red"), (b"Tenant", b"x" * 5000),
    (b"Tenant", b""),
    (b"Authorization", b"Basic !!!"), (b"Authorization", b"Bearer x"), (b"Authorization", b"Bearer ctok-a-b"),
    (b"Authorization", b"\xff"),
    (b"Authorization", b"Basic " + b64encode(b"gh\x00ost:x")),
    (b"Authorization", b"Basic " + b64encode(b"gh\xffost")),
    (b"Authentication-Token", b"x"), (b"Authentication-Token", b"ctok--"), (b"Authentication-Token", b"a.b.c"),
    (b"Range", b"bytes=0-0,-1"), (b"Range", b"bytes=9-1"), (b"Range", b"bytes=" + b"0-1," * 500), (b"Range", b"x"),
    (b"If-None-Match", b"*"), (b"If-Modified-Since", b"yesterday"), (b"If-Range", b'"x"'), (b"Accept", b"\xff"),
    (b"Cookie", b"a=\xff"),
    (b"X-Forwarded-For", b"::1"), (b"X-Request-Id", b"a\tb"), (b"Expect", b"100-continue"), (b"Origin", b"null"),
    (b"Accept-Encoding", b"gzip"),
)  # fmt: skip


HUGE: tuple[Callable[[], str], ...] = (
    lambda: '"' + "x" * (3 * MIB) + '"',
    lambda: "[" + "{}," * 200_000 + "{}]",
    lambda: "[" + "{}," * 400_000 + "{}]",
    lambda: "[" + "1," * 1_500_000 + "1]",
    lambda: "{" + ",".join(f'"k{number}":{number}' for number in range(200_000)) + "}",
    lambda: '"' + "\\u0001" * MIB + '"',
    lambda: '"' + "x" * (17 * MIB) + '"',
    lambda: '"😀' + "x" * (15 * MIB) + '"',
    lambda: "[" + '{"a":[1]},' * 100_000 + "0]",
)
HUGE_LISTS = HUGE[1:5]  # and an object, of less than the limit of values or a little more
ZIP_NAMES = ("a/package.json", "a/blueprint.yaml", "plugin.yaml", "x.wgn", "../x", "a/" * 300, "METADATA")
TAR_NAMES = ("a/package.json", "a/blueprint.yaml", "a/x.wgn", "/x", "a/../../x", "METADATA", "a")
CONTENTS = (
    "", "{", "[]", "null", '{"package_name": "p", "package_version": "1", "archive_name": "a"}',
    '{"package_name": "\\ud800"}',
    '{"package_name": "p", "package_version": "1", "archive_name": "a", "wheels": 5, "supported_platform": []}',
    "tosca_definitions_version: cloudify_dsl_1_4\nnode_templates: {}", "a: &a [*a]", 'a: "\\ud800"', "a: .inf",
    "!!python/object:x {}",
    "a: [&b [x,x,x,x,x,x,x,x,x], &c [*b,*b,*b,*b,*b,*b,*b,*b,*b], &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]]",
    "imports: [../../x, http://127.0.0.1:1/x]",
    "plugins: {p: {executor: x}}\nresource_tags: {a: 2020-01-01}", "{x.wgn: plugin.yaml}", "\xff",
)  # fmt: skip


def small_zip(rng: random.Random) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(
        packed, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    ) as archive:
        for name in rng.sample(
            ("a/package.json", "a/blueprint.yaml", "plugin.yaml", "x.wgn", "../x", "a/" * 300, "METADATA"), 3
        ):
            archive.writestr(name, rng.choice(CONTENTS))
    return packed.getvalue()


def small_tar(rng: random.Random) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=rng.choice(("w:gz", "w:xz", "w:bz2", "w"))) as archive:
        for name in rng.sample(
            ("a/package.json", "a/blueprint.yaml", "a/x.wgn", "/x", "a/../../x", "METADATA", "a"), 3
        ):
            content = rng.choice(CONTENTS).encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()
