"""Renders one template in a process of its own, which can be ended: a template may loop without end.

It reads `text` and `variables` as JSON, and writes `{"text": ...}` or `{"error": ..., "line": ...}`.
"""

import json
import resource
import sys

MAX_MEMORY = 1024**3  # bytes


def main() -> None:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    request = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    environment = ImmutableSandboxedEnvironment(autoescape=False, keep_trailing_newline=False)
    answer: dict[str, object]
    try:
        answer = {"text": environment.from_string(request["text"]).render(request["variables"])}
    except jinja2.TemplateSyntaxError as error:
        answer = {"error": f"{error.message} (line {error.lineno})"}
    except MemoryError:
        answer = {"error": f"it needs more than {MAX_MEMORY >> 20} MiB of memory"}
    except RecursionError:
        answer = {"error": "it calls itself without end"}
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        answer = {"error": str(error)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
