"""Adapted models unpacked for use; the ones that were used last stay so."""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

from torch import Tensor

from models.initializations.adapted import Adapted
from models.initializations.mixture import Mixture
from models.networks.interface import Network
from models.parameters import Parameters

KEPT = 8  # models: some 7 MB each of `photo`


class Unpacked(NamedTuple):
    """A model's tensors in full precision, and what it was adapted from. Not to be changed: others use them too."""

    tensors: Parameters
    origin: Parameters


class Unpacker:
    """Unpacks models of one checkpoint. Several threads may call it at once."""

    def __init__(self, network: Network, theta: Parameters, mixture: Mixture | None) -> None:
        self._network, self._theta, self._mixture = network, theta, mixture
        self._kept: OrderedDict[int, tuple[Tensor, Unpacked]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, model: Adapted) -> Unpacked:
        """Return a model unpacked. To blend where `photo` starts and to add its changes takes 1.6 ms."""
        mark = model.mark  # kept with it, so that nothing else has its id
        with self._lock:
            if id(mark) in self._kept:
                self._kept.move_to_end(id(mark))
                return self._kept[id(mark)][1]
        origin = model.origin(self._theta, self._mixture)
        unpacked = Unpacked(model.parameters(self._network, origin), origin)
        with self._lock:
            self._kept[id(mark)] = mark, unpacked
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return unpacked
