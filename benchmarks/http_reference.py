"""The HTTP reference, docs/http.md, from the service's OpenAPI document.

python -m benchmarks.http_reference
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.http.openapi import ALSO
from app.main import create_app
from app.settings import Settings

OUT = Path("docs/http.md")
HEAD = """# HTTP reference

Rendered from the service's OpenAPI document by `python -m benchmarks.http_reference`. A running server shows the same
at `/docs`. Errors are [problem details](https://www.rfc-editor.org/rfc/rfc9457): see [Problem](#problem). Fields
with * are required.
"""
Schema = dict[str, Any]


def render() -> str:
    """The whole document."""
    with tempfile.TemporaryDirectory() as store:
        document = create_app(Settings(store=Path(store))).openapi()
    calls = (line for path, methods in document["paths"].items() for line in _calls(path, methods))
    shapes = (line for name, schema in document["components"]["schemas"].items() for line in _shape(name, schema))
    return "\n".join([HEAD, *calls, "## Shapes\n", *shapes]).rstrip() + "\n"


def _calls(path: str, methods: Schema) -> Iterator[str]:
    for method, call in methods.items():
        yield f"## {method.upper()} {path}\n"
        yield f"{call['summary']}. {_plain(call.get('description', ''))}\n"
        if rows := [*_request(call)]:
            yield from _table(("request", "", ""), rows)
        yield from _table(("answer", "", ""), [_answer(*each) for each in call["responses"].items()])


def _request(call: Schema) -> Iterator[tuple[str, str, str]]:
    for field in call.get("parameters", []):
        yield field["name"], f"{field['in']}, {_kind(field['schema'])}", field.get("description", "")
    body = call.get("requestBody", {})
    for kind, content in (body.get("content", {}) | body.get(ALSO, {})).items():
        yield "body", f"{kind}: {_kind(content['schema'])}", ""


def _answer(status: str, response: Schema) -> tuple[str, str, str]:
    kinds = [
        f"{kind} {_kind(content.get('schema', {}))}".strip() for kind, content in response.get("content", {}).items()
    ]
    return status, ", ".join(kinds), response.get("description", "")


def _shape(name: str, schema: Schema) -> Iterator[str]:
    yield f"### {name}\n"
    yield f"{_plain(schema.get('description', ''))}\n"
    required = set(schema.get("required", ()))
    rows = [
        (f"{field}{' *' if field in required else ''}", _kind(about), about.get("description", ""))
        for field, about in schema.get("properties", {}).items()
    ]
    yield from _table(("field", "", ""), rows)


def _kind(schema: Schema) -> str:
    """What a value is, with links to the shapes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return "file" if schema.get("format") == "binary" else str(schema.get("type", ""))


def _table(head: tuple[str, ...], rows: list[tuple[str, str, str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |\n|---|---|---|"
    for name, kind, about in rows:
        yield f"| `{name}` | {kind} | {_plain(about)} |"
    yield ""


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    OUT.write_text(render())
