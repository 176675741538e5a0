"""The rule engines people would use instead, one small module each.

A module writes the shipped policy in the engine's own language and evaluates it the fastest way that engine offers. To
add one: a module with an `Engine`, and a line in `PEERS`.
"""

import importlib
import importlib.metadata
from typing import NamedTuple

from bench.engines.base import Engine


class Peer(NamedTuple):
    """Where an engine is: module and class here, and the package that brings it."""

    module: str
    name: str
    package: str


PEERS = {
    "cel": Peer("cel", "Cel", "common-expression-language"),
    "zen": Peer("zen", "Zen", "zen-engine"),
    "cedar": Peer("cedar", "Cedar", "cedarpy"),
    "rule-engine": Peer("rules", "Rules", "rule-engine"),
    "rego": Peer("rego", "Rego", "regopy"),
}


class NotInstalled(Exception):
    """The package of a peer is missing."""


def load(name: str) -> tuple[type[Engine], str]:
    """A peer and its installed version. Raises NotInstalled."""
    peer = PEERS[name]
    try:
        version = importlib.metadata.version(peer.package)
        module = importlib.import_module(f"bench.engines.{peer.module}")
    except (ImportError, importlib.metadata.PackageNotFoundError) as error:
        raise NotInstalled(f"{peer.package} is not installed ({error}): pip install -r requirements/bench.in") from None
    found: type[Engine] = getattr(module, peer.name)
    return found, version
