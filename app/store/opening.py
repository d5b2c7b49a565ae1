"""The store that the settings name."""

from __future__ import annotations

from pathlib import Path

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.directory.directory_store import DirectoryStore
from app.store.interface import Store


def open_store(settings: Settings) -> Store:
    """Return the store of a bucket or directory. Raises StoreUnavailable for one that cannot be written to."""
    if "://" not in settings.store:
        return DirectoryStore(Path(settings.store))
    try:
        from app.store.s3.bucket import open_bucket
        from app.store.s3.object_store import ObjectStore
    except ImportError as error:
        detail = f"{settings.store} needs the package obstore: pip install 'kshot[s3]'."
        raise StoreUnavailable(detail) from error
    return ObjectStore(open_bucket(settings.store, settings.store_seconds), settings.store_fresh_seconds)
