"""Where adapted models are kept: one safetensors file each, with the model's JSON in its header.

A model's kept images, where there are any, are a file beside it, which goes when the model goes.
"""

from app.store.directory.directory_store import DirectoryStore
from app.store.ids import new_id
from app.store.interface import ModelKey, Put, Store, Stored, Swept, Usage, is_expired
from app.store.opening import open_store

__all__ = [
    "DirectoryStore",
    "ModelKey",
    "Put",
    "Store",
    "Stored",
    "Swept",
    "Usage",
    "is_expired",
    "new_id",
    "open_store",
]
