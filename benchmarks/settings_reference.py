"""The reference of settings, docs/settings.md, from the descriptions in app/settings.py.

python -m benchmarks.settings_reference
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.settings import SHIPPED_CHECKPOINTS, GiB, MiB, Settings

OUT = Path("docs/settings.md")
HEAD = """# Settings

Rendered from `app/settings.py` by `python -m benchmarks.settings_reference`.

Every setting of the server is an environment variable; `kshot serve --help` shows which are options too. If a value
can't be used, the server doesn't start, and says which."""
# The setting that each section of the page begins with.
SECTIONS = {
    "host": "Where it runs",
    "keys": "API keys and tenants",
    "checkpoints": "Checkpoints and models",
    "max_body_bytes": "Largest request",
    "max_requests": "Queue, batches and time-outs",
    "log_level": "Logs",
}
TAIL = """## Variables that others define

| variable | |
|---|---|
| `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, … | how to reach a [bucket](operating.md#several-servers) |
| `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, … | where to send [traces](operating.md#traces) |
| `TMPDIR` | where large uploads wait while they are read |

## Variables of the command line and the Python client

| variable | |
|---|---|
| `KSHOT_URL` | the server to speak to; http://127.0.0.1:8000 if unset |
| `KSHOT_API_KEY` | the API key to send |
| `KSHOT_DATA` | the data of `kshot train` and `kshot evaluate`, in place of `--data` |
"""


def render() -> str:
    """Return the whole document."""
    if unknown := SECTIONS.keys() - Settings.model_fields.keys():
        raise ValueError(f"sections begin with settings that don't exist: {', '.join(sorted(unknown))}")
    return "\n".join([HEAD, *_sections(), TAIL])


def _sections() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if name in SECTIONS:
            yield from (f"\n## {SECTIONS[name]}\n", "| variable | default | allowed | |", "|---|---|---|---|")
        schema = Settings.model_json_schema()["properties"][name]
        about = " ".join(str(field.description).split()).replace("|", "\\|")
        yield f"| `KSHOT_{name.upper()}` | {_default(name, field.default)} | {_allowed(schema)} | {about} |"
    yield ""


def _default(name: str, value: object) -> str:
    if value is None or value == "":
        return "unset"
    if value == SHIPPED_CHECKPOINTS:
        return "the shipped ones"
    if "bytes" in name and isinstance(value, int):
        return f"{value // GiB} GiB" if value % GiB == 0 else f"{value // MiB} MiB"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(schema: dict[str, Any]) -> str:
    """Return the values that a setting takes, as its JSON schema has them."""
    schema = next((each for each in schema.get("anyOf", []) if each["type"] != "null"), schema)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "boolean":
        return "`true`, `false`"
    if (least := schema.get("minimum")) is not None and (most := schema.get("maximum")) is not None:
        return f"{least:,} to {most:,}"
    if least is not None:
        return f"at least {least:,}"
    return f"more than {above:,}" if (above := schema.get("exclusiveMinimum")) is not None else ""


if __name__ == "__main__":
    OUT.write_text(render())
