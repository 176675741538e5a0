"""Trains the small classifier for `decision_impact` on the descriptions written for this project.

    python scripts/train_impact.py            writes src/steelyard/intake/packs/impact-weights.json
    python scripts/train_impact.py --check    tells how it does on descriptions left out, five folds; writes nothing

Three logistic regressions (at least minor, significant, major) by full-batch gradient descent with momentum: plain
Python, no randomness beside a fixed seed, so that the same descriptions give the same weights.
"""

import argparse
import hashlib
import math
import random
from pathlib import Path

import msgspec
import yaml

from steelyard.intake.drafting.impact import (
    PACK,
    STEPS,
    Classifier,
    ConceptData,
    Concepts,
    Pack,
    features,
)
from steelyard.intake.text.sentences import normal

TRAINING = PACK.parent / "impact-training.yaml"
LEVELS = ("none", *STEPS)
ROUNDS, RATE, MOMENTUM = 400, 0.5, 0.9
DECAY_CONCEPT, DECAY_GRAM = 0.001, 0.001
LEAST_OFTEN = 2
KEEP = 0.02


def examples(data: dict) -> list[tuple[str, int]]:
    """Every description with its level from 0."""
    return [
        (text, LEVELS.index(level))
        for level, langs in data["examples"].items()
        for texts in langs.values()
        for text in texts
    ]


def train(rows: list[tuple[str, int]], concepts: tuple[ConceptData, ...], common: tuple[str, ...], stamp: str) -> Pack:
    """The weights learned from `rows`."""
    reader = Concepts(concepts, common)
    found = [features(normal(text), reader) for text, _ in rows]
    often: dict[str, int] = {}
    for item in found:
        for name in item:
            often[name] = often.get(name, 0) + 1
    names = sorted(name for name, count in often.items() if count >= LEAST_OFTEN)
    place = {name: index for index, name in enumerate(names)}
    sparse = [[(place[name], value) for name, value in item.items() if name in place] for item in found]
    decay = [DECAY_CONCEPT if name.startswith("c:") else DECAY_GRAM for name in names]
    steps = [_fit(sparse, [float(level > step) for _, level in rows], decay) for step in range(3)]
    weights = {
        name: (round(steps[0][0][index], 3), round(steps[1][0][index], 3), round(steps[2][0][index], 3))
        for name, index in place.items()
    }
    weights = {name: value for name, value in weights.items() if max(map(abs, value)) >= KEEP}
    bias = (round(steps[0][1], 3), round(steps[1][1], 3), round(steps[2][1], 3))
    return Pack(1, stamp, common, concepts, bias, weights)


def _fit(rows: list[list[tuple[int, float]]], truth: list[float], decay: list[float]) -> tuple[list[float], float]:
    share = sum(truth) / len(truth)
    heavy = (0.5 / share, 0.5 / (1 - share))  # both sides of a step count the same
    weights, speed = [0.0] * len(decay), [0.0] * len(decay)
    bias = bias_speed = 0.0
    for _ in range(ROUNDS):
        slope, bias_slope = [0.0] * len(decay), 0.0
        for row, said in zip(rows, truth, strict=True):
            logit = bias + sum(weights[index] * value for index, value in row)
            error = (1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit)))) - said) * heavy[0 if said else 1]
            bias_slope += error
            for index, value in row:
                slope[index] += error * value
        count = len(rows)
        for index, decayed in enumerate(decay):
            speed[index] = MOMENTUM * speed[index] - RATE * (slope[index] / count + decayed * weights[index])
            weights[index] += speed[index]
        bias_speed = MOMENTUM * bias_speed - RATE * bias_slope / count
        bias += bias_speed
    return weights, bias


def check(rows: list[tuple[str, int]], concepts: tuple[ConceptData, ...], common: tuple[str, ...]) -> None:
    """Five folds: how often at least significant is told from less, on descriptions left out."""
    order = list(range(len(rows)))
    random.Random(7).shuffle(order)  # noqa: S311
    scored: list[tuple[float, int, bool]] = []
    for fold in range(5):
        left_out = set(order[fold::5])
        pack = train([row for index, row in enumerate(rows) if index not in left_out], concepts, common, "")
        model = Classifier(pack)
        for index in sorted(left_out):
            text, level = rows[index]
            reading = model.read(text)
            scored.append((reading.at_least[1] if reading else 0.0, level, text.isascii()))
    for name, wanted in (("English", True), ("Chinese", False)):
        part = [(score, level >= 2) for score, level, ascii_only in scored if ascii_only == wanted]
        yes, no = [s for s, y in part if y], [s for s, y in part if not y]
        wins = sum((a > b) + 0.5 * (a == b) for a in yes for b in no)
        right = sum((score >= 0.5) == said for score, said in part)
        print(f"{name}: {len(part)} descriptions, AUC {wins / len(yes) / len(no):.3f}, right {right / len(part):.1%}")


def main() -> None:
    """Reads the descriptions, trains, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    source = TRAINING.read_bytes()
    data = yaml.safe_load(source)
    concepts = tuple(msgspec.convert(item, ConceptData) for item in data["concepts"])
    common = tuple(data["common"].split())
    rows = examples(data)
    if options.check:
        check(rows, concepts, common)
        return
    pack = train(rows, concepts, common, hashlib.sha256(source).hexdigest())
    text = msgspec.json.encode(pack, order="deterministic")
    Path(PACK).write_bytes(msgspec.json.format(text, indent=0) + b"\n")
    print(f"{len(rows)} descriptions, {len(concepts)} concepts, {len(pack.weights)} weights, {len(text):,} bytes")


if __name__ == "__main__":
    main()
