"""Requests of every operation with something odd in them; each is made from a seed and a number, to be repeated."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes

from cfy_cli.manager.rest.api import PREFIX
from tests.manager.fuzz_values import (
    CONTENT_TYPES,
    FIELDS,
    HEADERS,
    HUGE,
    HUGE_LISTS,
    JSON_TEXTS,
    MIB,
    RULE_WORDS,
    TEXTS,
    small_tar,
    small_zip,
)
from tests.openapi import HTTP_METHODS

MAX_DEPTH = 6  # of bodies that follow a schema; references may be circular
UPLOAD_FIELDS = (
    "application_file_name", "blueprint_archive_url", "plugin_archive_url", "visibility", "labels", "title",
    "async_upload",
)  # fmt: skip
PART_NAMES, FILE_NAMES = (b"blueprint_archive", b"x", b""), (b"a.tar.gz", b"", b"\xff", b"../../x", b"x" * 500)
CHARSETS = (b"", b"", b"; charset=utf-7", b"; charset=x", b"; charset=utf-16", b"; charset=unicode_escape")
QUERY_WORDS: dict[str, tuple[str, ...]] = {  # by name or type of a parameter
    "boolean": ("true", "false", "1", "", "True"),
    "integer": ("0", "1", "5", "1000", "9223372036854775807", ""),
    "_include": (*FIELDS, "id,created_at"),
    "_sort": tuple(f"{sign}{name}" for name in (*FIELDS, "label:a") for sign in ("", "-", "+")),
    "_range": tuple(f"{name},{ends}" for name in FIELDS for ends in (",", "2020-01-01,", "1,5", ",x")),
}


@dataclass(frozen=True, slots=True)
class Raw:
    """JSON that is written as it is, whether it is JSON or not."""

    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it goes over the wire."""

    number: int
    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    chunked: bool = False

    def encode(self, authorization: bytes, host: bytes) -> bytes:
        headers = [(b"Host", host), *self.headers]
        if not any(name in (b"Authorization", b"Authentication-Token") for name, _ in headers):
            headers.append((b"Authorization", authorization))
        if self.chunked:
            headers.append((b"Transfer-Encoding", b"chunked"))
            body = b"".join(
                b"%x\r\n%s\r\n" % (len(part), part)
                for part in (self.body[at : at + MIB] for at in range(0, len(self.body), MIB))
            )
            body += b"0\r\n\r\n"
        else:
            body = self.body
            if body or self.method in ("POST", "PUT", "PATCH"):
                headers.append((b"Content-Length", b"%d" % len(body)))
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        return self.method.encode() + b" " + self.target + b" HTTP/1.1\r\n" + lines + b"\r\n" + body

    def show(self) -> str:
        """Return the request in a form to repeat, shortened where it is long."""
        headers = " ".join(f"-H {(name + b': ' + value)!r}"[:300] for name, value in self.headers)
        body = f" --data-binary {self.body[:2000]!r}{'…' if len(self.body) > 2000 else ''}" if self.body else ""
        return f"number {self.number}: curl -X {self.method} {headers}{body} $U{self.target[:1000].decode('latin-1')}"


@dataclass(frozen=True, slots=True)
class Names:
    """Names of what exists, by the name of the path parameter or field that takes them."""

    by_field: Mapping[str, Sequence[str]]
    keys: Mapping[str, Sequence[str]]  # of the paths' parameter `key`, by the first segment of the path
    files: Sequence[bytes] = field(default=())  # archives that can be uploaded


class Requests:
    """Makes requests from the OpenAPI document of a manager."""

    def __init__(self, document: dict[str, Any], names: Names, seed: int) -> None:
        self._schemas: dict[str, Any] = document["components"]["schemas"]
        self._document = document
        self._names, self._seed = names, seed
        self.operations = [
            (method, path, operation)
            for path, methods in sorted(document["paths"].items())
            for method, operation in sorted(methods.items())
            # The stream does not end, and in maintenance mode all others are refused.
            if method in HTTP_METHODS and not path.endswith(("/audit/stream", "/maintenance/{action}"))
        ]

    def make(self, number: int) -> Request:
        """Return the request of a number: the operations take turns, all else is random."""
        rng = random.Random(f"{self._seed} {number}")
        method, path, operation = self.operations[number % len(self.operations)]
        operation = {**operation, "parameters": parameters_of(self._document, operation)}
        made = _Maker(method, rng, self._names, self._schemas)
        target = made.target(path, operation)
        headers, body = made.body(operation)
        headers += [rng.choice(HEADERS)] if rng.random() < 0.1 else []
        if rng.random() < 0.02:
            method = rng.choice(("GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "FOO"))
        return Request(number, method.upper(), target, tuple(headers), body, chunked=rng.random() < 0.03)


class _Maker:
    def __init__(self, method: str, rng: random.Random, names: Names, schemas: dict[str, Any]) -> None:
        self.method, self.rng, self.names, self.schemas = method, rng, names, schemas

    def target(self, path: str, operation: dict[str, Any]) -> bytes:
        parts = [self.segment(path, part) if part.startswith("{") else part.encode() for part in path.split("/")]
        query = self.query(operation)
        target = b"/".join(parts) + (b"?" + query if query else b"")
        if self.rng.random() < 0.01:
            target += self.rng.choice((b"/", b"//", b"%2f", b"#x", b"?", b";x", b"%", b"%zz"))
        return target

    def segment(self, path: str, part: str) -> bytes:
        name = part.strip("{}")
        known = self.names.by_field.get(name) or self.names.keys.get(path.removeprefix(PREFIX).split("/")[1], ())
        if known and self.rng.random() < (0.2 if self.method == "delete" else 0.8):
            return quote_from_bytes(self.rng.choice(known).encode(), safe="").encode()
        return self.quoted(self.odd_bytes())[:8000] or b"x"

    def query(self, operation: dict[str, Any]) -> bytes:
        parameters = [each for each in operation.get("parameters", []) if each["in"] == "query"]
        chosen = self.rng.sample(parameters, min(self.rng.choice((0, 0, 0, 1, 1, 2, 4)), len(parameters)))
        pairs = []
        for parameter in chosen:
            pairs += [
                (parameter["name"], self.query_value(parameter)) for _ in range(self.rng.choice((1,) * 20 + (2, 200)))
            ]
        if self.rng.random() < 0.1:
            pairs.append((self.rng.choice((*FIELDS, "_no_such", "", "a\0")), self.query_value({})))
        encoded = b"&".join(quote_from_bytes(name.encode(), safe="").encode() + b"=" + value for name, value in pairs)
        return encoded[:60_000]

    def query_value(self, parameter: dict[str, Any]) -> bytes:
        if self.rng.random() < 0.75:
            name, kind = parameter.get("name", ""), parameter.get("schema", {}).get("type")
            known = [*self.names.by_field.get(name.lstrip("_"), ()), *QUERY_WORDS.get(name, ())]
            return self.quoted(self.rng.choice(known or QUERY_WORDS.get(kind, TEXTS)).encode())
        if self.rng.random() < 0.02:
            return b"x" * 50_001
        return self.quoted(self.odd_bytes())

    def quoted(self, value: bytes) -> bytes:
        return quote_from_bytes(value, safe=self.rng.choice(("", ",:", "/,:*'"))).encode()

    def odd_bytes(self) -> bytes:
        if self.rng.random() < 0.2:
            return bytes(self.rng.randrange(256) for _ in range(self.rng.randrange(1, 20)))
        return self.rng.choice((*TEXTS, "\0", "a\0b")).encode()

    def body(self, operation: dict[str, Any]) -> tuple[list[tuple[bytes, bytes]], bytes]:
        content = operation.get("requestBody", {}).get("content", {})
        json_type = [(b"Content-Type", b"application/json")]
        if "application/json" not in content or "multipart/form-data" in content:
            if self.method in ("put", "post"):
                return self.upload()
            return (
                (json_type, self.odd_json().encode("utf-8", "surrogatepass")) if self.rng.random() < 0.1 else ([], b"")
            )
        if self.rng.random() < 0.05:
            json_type = [(b"Content-Type", self.rng.choice(CONTENT_TYPES).encode())]
        return json_type, self.json_body(content["application/json"].get("schema", {}))

    def json_body(self, schema: dict[str, Any]) -> bytes:
        chance = self.rng.random()
        if chance < 0.05:
            return self.odd_json().encode("utf-8", "surrogatepass")
        if chance < 0.06:
            return bytes(self.rng.randrange(256) for _ in range(self.rng.randrange(200)))
        value = self.value("", schema, 0, oddity=self.rng.choice((0, 0, 0.05, 0.1, 0.5)))
        text = encode(value, self.rng).encode("utf-8", "surrogatepass")
        if self.rng.random() < 0.02:  # cut off, or in another encoding
            return self.rng.choice((text[: len(text) // 2], b"\xef\xbb\xbf" + text, text.decode().encode("utf-16")))
        return text

    def odd_json(self) -> str:
        """Return JSON of any kind, sometimes deep or huge."""
        chance = self.rng.random()
        if chance < 0.02:
            return self.rng.choice(HUGE)()
        if chance < 0.06:
            depth = self.rng.choice((90, 99, 101, 500, 5000))
            start, end = self.rng.choice((("[", "]"), ('{"a":', "}")))
            return start * depth + "1" + end * depth
        return self.rng.choice(JSON_TEXTS)

    def value(self, name: str, schema: Any, depth: int, *, oddity: float) -> Any:
        """Return a value of a schema, or with the probability `oddity` one of another kind."""
        rng = self.rng
        if oddity > 0 and rng.random() < 0.01 and {"array", "object"} & kinds_of(schema):
            return Raw(rng.choice(HUGE_LISTS)())
        if rng.random() < oddity or depth > MAX_DEPTH or not isinstance(schema, dict):
            return Raw(self.odd_json()) if rng.random() < 0.7 else rng.choice(TEXTS)
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        alternatives = [each for word in ("anyOf", "oneOf", "allOf") for each in schema.get(word, ())]
        if alternatives:
            return self.value(name, rng.choice(alternatives), depth, oddity=oddity)
        if "enum" in schema or "const" in schema:
            return rng.choice(schema.get("enum") or [schema["const"]])
        if schema.get("type") == "object":
            return self.object(schema, depth, oddity=oddity)
        if schema.get("type") == "array":
            items = schema.get("items", {})
            return [self.value(name, items, depth + 1, oddity=oddity) for _ in range(rng.randrange(4))]
        return self.scalar(name, schema)

    def scalar(self, name: str, schema: dict[str, Any]) -> Any:
        rng = self.rng
        match schema.get("type"):
            case "integer":
                return rng.choice((0, 1, 5, -1, 2**31, 2**63 - 1, 2**63))
            case "number":
                return rng.choice((0, 0.5, -1.5, 1e300))
            case "boolean":
                return rng.random() < 0.5
            case "null":
                return None
            case "string":
                known = self.names.by_field.get(name, ())
                return rng.choice(known) if known and rng.random() < 0.9 else rng.choice(TEXTS)
        return self.free_value(name)

    def object(self, schema: dict[str, Any], depth: int, *, oddity: float) -> dict[str, Any]:
        required = schema.get("required", ())
        result = {
            name: self.value(name, kind, depth + 1, oddity=oddity)
            for name, kind in schema.get("properties", {}).items()
            if name in required or self.rng.random() < 0.4
        }
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict) or (extra is None and not result):
            for _ in range(self.rng.randrange(3)):
                result[self.rng.choice((*FIELDS, *TEXTS, "port", "greeting"))] = self.value(
                    "", extra, depth + 1, oddity=oddity
                )
        if self.rng.random() < 0.02:
            result[self.rng.choice(TEXTS)] = 1
        return result

    def free_value(self, name: str) -> Any:
        """Return a value where the schema allows any JSON: what the field is known to take, or odd JSON."""
        rng = self.rng
        if name == "filter_rules":
            return {word: rng.choice(RULE_WORDS) for word in ("key", "operator", "type")} | {
                "values": rng.choice(([], ["a"], [rng.choice(TEXTS)] * rng.choice((1, 2, 2000)), "a", [5]))
            }
        if name in ("events", "logs"):
            return {
                word: rng.choice((Raw(self.odd_json()), "x"))
                for word in rng.sample(("message", "level", "logger", "timestamp", "context", "event_type"), 3)
            }
        return Raw(self.odd_json())

    def upload(self) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Return a body as multipart, or an archive alone."""
        rng = self.rng
        archive = bytearray(rng.choice((*self.names.files, b"", b"x", small_zip(rng), small_tar(rng))))
        for _ in range(rng.choice((0, 0, 1, 5)) if archive else 0):
            archive[rng.randrange(len(archive))] = rng.randrange(256)
        if rng.random() < 0.1:
            del archive[len(archive) // 2 :]
        if rng.random() < 0.3:
            return [(b"Content-Type", b"application/octet-stream")], bytes(archive)
        names = (
            "application_file_name",
            "blueprint_archive_url",
            "plugin_archive_url",
            "visibility",
            "labels",
            "title",
            "async_upload",
        )
        params = {name: self.value(name, {"type": "string"}, 0, oddity=0.3) for name in names if rng.random() < 0.25}
        parts = [
            b'Content-Disposition: form-data; name="params"%s\r\n\r\n' % rng.choice((b"", b"", b'; filename="x"'))
            + encode(params, rng).encode("utf-8", "surrogatepass"),
            b'Content-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n'
            % (
                rng.choice((b"blueprint_archive", b"x", b"")),
                rng.choice((b"a.tar.gz", b"", b"\xff", b"../../x", b"x" * 500)),
            )
            + bytes(archive),
        ]
        rng.shuffle(parts)
        parts = parts[: rng.choice((2, 2, 2, 1, 0))] * rng.choice((1, 1, 1, 1, 30))
        boundary = b"b0undary"
        end = rng.choice((b"--", b"--", b"--", b"", b"x"))
        body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + end
        return [(b"Content-Type", b"multipart/form-data; boundary=" + boundary + rng.choice(CHARSETS))], body


def kinds_of(schema: Any) -> set[str]:
    """Return the types of values that a schema has, or one of its alternatives."""
    if not isinstance(schema, dict):
        return set()
    return {schema.get("type", ""), *(kind for each in schema.get("anyOf", ()) for kind in kinds_of(each))}


def parameters_of(document: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of an operation, those that the document describes in one place too."""
    shared = document["components"].get("parameters", {})
    return [shared.get(each.get("$ref", "").rpartition("/")[2], each) for each in operation.get("parameters", [])]


def encode(value: Any, rng: random.Random) -> str:
    """Return JSON; a key is written twice now and then."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        pairs = [f"{json.dumps(name)}: {encode(item, rng)}" for name, item in value.items()]
        if pairs and rng.random() < 0.01:
            pairs.append(rng.choice(pairs))
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(encode(item, rng) for item in value) + "]"
    return json.dumps(value, ensure_ascii=rng.random() < 0.5)
