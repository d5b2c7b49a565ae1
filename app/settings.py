"""The service's settings, read from KSHOT_* environment variables and validated where they are read."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

import models
from kshot.types import MAX_TTL_SECONDS
from models import devices

MiB = 2**20
GiB = 2**30
SHIPPED_CHECKPOINTS = Path(models.__file__).parent / "checkpoints"


class Settings(BaseSettings):
    """Every setting is the environment variable of its name, in capitals, after KSHOT_.

    Raises pydantic.ValidationError, which names the setting and the bad value.
    """

    model_config = SettingsConfigDict(env_prefix="KSHOT_", frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1", min_length=1, description="Address to listen on. Beyond the loopback the server wants API keys."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on. 0 picks a free one.")
    device: str = Field("auto", description="Where to compute: `auto`, `cpu`, `cuda` or `cuda:1`.")
    processes: int = Field(
        1, ge=1, le=64, description="Processes that share the port, the threads, the cache and the queue."
    )
    threads: int | None = Field(
        None, ge=1, le=256, description="CPU threads of torch and the encoder. Unset: all cores."
    )

    keys: Path | None = Field(
        None, description="File of API keys, made by `kshot keys add`. Unset: no key is asked for."
    )
    allow_anonymous: bool = Field(
        False, validate_default=True, description="Listen beyond the loopback without API keys."
    )
    trusted_hosts: str = Field(
        "",
        description="Names, with commas between, by which the server may be asked for without keys, beside localhost.",
    )
    cors_origins: str = Field(
        "", description="Origins, with commas between, whose pages may use the server, as `https://app.example`."
    )
    frame_ancestors: str = Field(
        "", description="Origins, with commas between, whose pages may show the page of a shared model in a frame."
    )
    trusted_proxies: str = Field(
        "", description="Addresses or networks, with commas between, whose X-Forwarded-For and -Proto are believed."
    )
    root_path: str = Field("", description="Prefix under which a proxy shows the server, as `/kshot`.")
    tenant_max_models: int = Field(10_000, ge=0, description="Models a tenant may keep, unless its key says otherwise.")
    tenant_max_bytes: int = Field(10 * GiB, ge=0, description="Bytes a tenant may keep, unless its key says otherwise.")
    tenant_requests_per_minute: int = Field(
        600, ge=1, description="Requests a minute of a tenant, unless its key says otherwise."
    )

    checkpoints: Path = Field(SHIPPED_CHECKPOINTS, description="Folder of the checkpoints (`*.safetensors`) to serve.")
    checkpoint: str = Field("photo", min_length=1, description="The checkpoint for requests that name none.")
    parts: str = Field("", description="Modules, with commas between, that register further parts of learners.")
    store: str = Field("kshot-models", description="Folder of the adapted models, or `s3://bucket/prefix`.")
    store_seconds: float = Field(10, gt=0, description="Longest time for one request to an object store.")
    store_fresh_seconds: float = Field(
        1, ge=0, description="How long predictions may miss another server's change of a model in an object store."
    )
    ttl_seconds: int | None = Field(
        None,
        ge=1,
        le=MAX_TTL_SECONDS,
        description="Life of a model whose request names none. Unset: it stays until it is deleted.",
    )
    keep_images: bool = Field(
        True, description="Keep support images beside their model, for versions, unless a request decides."
    )
    sweep_seconds: float = Field(60, gt=0, description="Seconds between two deletions of expired models.")
    cache_bytes: int = Field(256 * MiB, ge=0, description="Memory, on the device, for adapted models used lately.")
    pin: str = Field(
        "",
        pattern=r"^([0-9a-f]{32}(,[0-9a-f]{32})*)?$",
        description="Ids of models, separated by commas, that stay in this memory once used.",
    )

    max_body_bytes: int = Field(64 * MiB, ge=1, description="Largest body of a request.")
    upload_seconds: float = Field(
        120,
        gt=0,
        description="Longest time for the body of a request to arrive; on Linux, also for a client to read nothing of "
        "its answer.",
    )
    refusals_per_second: float = Field(
        50, gt=0, description="Refusals (4xx) a second that one address gets at once. The answers to more are delayed."
    )
    max_images: int = Field(1000, ge=1, description="Most images in a request.")
    max_texts: int = Field(1000, ge=1, description="Most texts in a request.")
    max_inputs: int = Field(1000, ge=1, description="Most vectors in a request.")
    max_text_bytes: int = Field(2000, ge=1, description="Most bytes, in UTF-8, of a text.")
    max_image_bytes: int = Field(16 * MiB, ge=1, description="Largest image file.")
    # Of some formats Pillow itself warns beyond its default of 89 478 485.
    max_image_pixels: int = Field(
        64_000_000,
        ge=1,
        le=89_478_485,
        description="Most pixels that decoding an image may cost: all that it has; a quarter of a JPEG's that is "
        "opened at a fraction of its size, unless it is progressive.",
    )
    max_request_pixels: int = Field(500_000_000, ge=1, description="The same of all images of a request together.")
    max_classes: int = Field(100, ge=2, description="Most classes in a support set.")
    max_steps: int = Field(100, ge=0, description="Most gradient steps a request may ask for.")
    max_image_steps: int = Field(20_000, ge=1, description="Most images × gradient steps in a request.")
    max_archive_bytes: int = Field(256 * MiB, ge=1, description="Most bytes that an archive may unpack to.")
    max_archive_ratio: int = Field(
        100, ge=1, description="Most bytes that an archive may unpack to, for each byte of it."
    )
    max_archive_entries: int = Field(5000, ge=1, description="Most entries in an archive, folders included.")

    max_requests: int = Field(
        128, ge=1, description="Requests with images that may be received, decoded or computed at once."
    )
    max_requests_per_tenant: int = Field(
        64, ge=1, description="Of these, one tenant's, where there are API keys; at most half."
    )
    max_queue: int = Field(
        64, ge=1, description="Requests that may wait for the engine. More are refused unread, with 429."
    )
    max_queue_per_tenant: int = Field(16, ge=1, description="Of these, one tenant's, where there are API keys.")
    queue_seconds: float = Field(10, gt=0, description="Longest wait for the engine.")
    compute_seconds: float = Field(60, gt=0, description="Longest computation of a request.")
    drain_seconds: float = Field(80, ge=0, description="Longest time to finish accepted requests after SIGTERM.")
    batch_images: int = Field(256, ge=1, description="Most images in a batch, padding included. 1 turns batching off.")
    batch_bytes: int = Field(
        1024 * MiB, ge=1, description="Most memory of a batch, as estimated. A larger request runs alone."
    )
    patience_ms: float = Field(
        2, ge=0, le=1000, description="Longest wait of a batch for requests that are being decoded."
    )
    decode_threads: int = Field(2, ge=1, le=256, description="Requests whose images may be decoded at once.")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level to log.")
    log_format: Literal["json", "console"] = Field(
        "json", description="`json`: one JSON object a line. `console`: text for people."
    )

    @field_validator("keys", mode="before")
    @classmethod
    def _none_if_empty(cls, keys: object) -> object:
        return keys or None  # as compose.yaml passes on what isn't set

    @field_validator("allow_anonymous")
    @classmethod
    def _only_loopback_without_keys(cls, allowed: bool, info: ValidationInfo) -> bool:
        host = info.data.get("host", "localhost")
        if not (allowed or info.data.get("keys") or is_loopback(host)):
            raise ValueError(
                f"listening on {host}, others than this machine could use the server, and there are no API keys: make "
                "some with `kshot keys add` and set KSHOT_KEYS, listen on 127.0.0.1, or, where something else keeps "
                "strangers out, set KSHOT_ALLOW_ANONYMOUS=true"
            )
        return allowed

    @field_validator("trusted_hosts")
    @classmethod
    def _host_names(cls, hosts: str) -> str:
        for host in listed(hosts):
            if not re.fullmatch(r"[\w.-]+|[0-9a-fA-F:]+", host):
                raise ValueError(f"{host!r} is no name of a host: give names without scheme or port, as kshot.example")
        return hosts

    @field_validator("cors_origins", "frame_ancestors")
    @classmethod
    def _whole_origins(cls, origins: str, info: ValidationInfo) -> str:
        for origin in listed(origins):
            if origin == "*" and not info.data.get("keys"):
                raise ValueError("any page could read and delete the models: without API keys, name the origins")
            if origin != "*" and not re.fullmatch(r"https?://[^/*]+", origin):
                raise ValueError(f"{origin!r} is no origin: give scheme, host and port alone, as https://app.example")
        return origins.lower()  # as browsers send them

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: str) -> str:
        for proxy in listed(proxies):
            try:
                ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"{proxy!r} is no address or network: give one as 10.0.0.1 or 10.0.0.0/8") from error
        return proxies

    @field_validator("root_path")
    @classmethod
    def _prefix(cls, path: str) -> str:
        if not re.fullmatch(r"(/[\w.~-]+)*", path):
            raise ValueError(f"{path!r} is no prefix of paths: begin it with a slash and end it without, as /kshot")
        return path

    @field_validator("device")
    @classmethod
    def _known_device(cls, device: str) -> str:
        if not devices.NAME.fullmatch(device):
            raise ValueError(f"{device!r} is no device: use {devices.NAMES}")
        return device

    @field_validator("store", mode="before")
    @classmethod
    def _known_store(cls, store: object) -> str:
        address = str(store)
        if "://" in address and not address.startswith("s3://"):
            raise ValueError(f"{address} is a URL that is not supported: give a path, or s3://bucket/prefix")
        return address


@dataclass(frozen=True, kw_only=True)
class SettingsPart:
    """The few settings that one part of the service needs: a subclass has a field for each, of the setting's name."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return this part of the settings."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})


def listed(text: str) -> list[str]:
    """Return what a setting lists, with commas between."""
    return [part.strip() for part in text.split(",") if part.strip()]


def is_loopback(host: str) -> bool:
    """Return whether a name or address is that of this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761
