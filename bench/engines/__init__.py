"""The rule engines people would use instead, one small module each.

A module writes the shipped policy in the engine's own language and evaluates it the fastest way that engine offers
(`-each`: one expression a rule, as the documentation shows). To add one: a module with an `Engine`, and a line in
`PEERS`.
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
    "cel-each": Peer("cel", "CelEach", "common-expression-language"),
    "zen": Peer("zen", "Zen", "zen-engine"),
    "zen-each": Peer("zen", "ZenEach", "zen-engine"),
    "cedar": Peer("cedar", "Cedar", "cedarpy"),
    "rule-engine": Peer("rules", "Rules", "rule-engine"),
    "rego": Peer("rego", "Rego", "regopy"),
}


class NotInstalled(Exception):
    """The package of a peer is missing or does not work here."""


def load(name: str) -> tuple[type[Engine], str]:
    """A peer and its installed version. Raises NotInstalled."""
    peer = PEERS[name]
    try:
        version = importlib.metadata.version(peer.package)
    except importlib.metadata.PackageNotFoundError:
        raise NotInstalled(f"{peer.package} is not installed: pip install -r requirements/bench.in") from None
    try:
        module = importlib.import_module(f"bench.engines.{peer.module}")
    except ImportError as error:
        raise NotInstalled(f"{peer.package} {version} does not import: {error}") from None
    found: type[Engine] = getattr(module, peer.name)
    return found, version
