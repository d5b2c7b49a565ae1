"""The store of adapted models: a safetensors file for each, with the model's record in its header.

The images of a model, if they are kept, are a file of their own, which is deleted with the model.
"""

from app.store.directory.directory_store import DirectoryStore
from app.store.ids import new_id
from app.store.interface import ModelKey, Store, Stored, Swept, Usage, is_expired
from app.store.opening import open_store

__all__ = [
    "DirectoryStore",
    "ModelKey",
    "Store",
    "Stored",
    "Swept",
    "Usage",
    "is_expired",
    "new_id",
    "open_store",
]
