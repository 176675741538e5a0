"""Does drafting from the words alone find the systems that an agency declared rights- or safety-impacting?

    .venv/bin/python scripts/evaluate_drafting.py [--data FILE] [--json]
    .venv-bench/bin/python scripts/evaluate_drafting.py [--data FILE] [--json]     (with the comparison)

Reads the public US federal inventory of 2024 (not part of this repository). The official impact column is hidden: each
system is judged by its name, purpose and outputs only. Those declared "Neither" are the ones to leave alone, those
declared rights-impacting, safety-impacting or both the ones to find; undeclared ones are left out.

Half of the declared systems, drawn with a fixed seed within each class, is held back; every figure is for that half.
The other half was read while drafting was developed, so its figures flatter, and it trains the comparison: TF-IDF with
logistic regression. That needs scikit-learn, which only the bench environment holds (`make bench` makes `.venv-bench`);
elsewhere the comparison is not run, and the table says so. What ships is trained on neither half, but whoever wrote its
descriptions had read the half that was seen; the two halves share agencies and phrases.
"""

import argparse
import csv
import datetime as dt
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.intake.drafting.concern import concern
from steelyard.intake.drafting.impact import classifier
from steelyard.policy.compile import load_compiled

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data" / "us-federal-ai-inventory-2024-sample.csv"
DECLARED = "Is the AI use case rights-impacting, safety-impacting, both, or neither?"
READ = (
    "Use Case Name",
    "What is the intended purpose and expected benefits of the AI?",
    "Describe the AI system’s outputs.",
)
AGENCY = "Agency Abbreviation"
IMPACTING = ("rights-impacting", "safety-impacting", "both")
SEED, SHARE, DRAWS = 20241, 0.3, 1_000
AIM_AUC, AIM_RECALL = 0.85, 0.80
ON = dt.date(2026, 11, 24)
BENCH = ".venv-bench/bin/python scripts/evaluate_drafting.py"

Scored = list[tuple[float, bool]]


class System(NamedTuple):
    """A row: its number, what drafting may read, what its agency declared, and that agency (drafting never sees it)."""

    row: int
    text: str
    found: bool
    agency: str


class Split(NamedTuple):
    """The half that may be looked at, and the half held back."""

    seen: list[System]
    held: list[System]


def systems(path: Path) -> list[System]:
    """The declared systems of the inventory."""
    with open(path, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    out = []
    for number, row in enumerate(rows):
        declared = row[DECLARED].strip().lower()
        if declared in (*IMPACTING, "neither"):
            text = ".\n".join(cell for name in READ if (cell := row[name].strip().rstrip(".")))
            out.append(System(number, text, declared != "neither", row[AGENCY].strip()))
    return out


def split(all_systems: Sequence[System], seed: int = SEED) -> Split:
    """Halves with the same share of both classes."""
    draw = random.Random(seed)  # noqa: S311
    seen, held = [], []
    for wanted in (False, True):
        group = [system for system in all_systems if system.found == wanted]
        draw.shuffle(group)
        held += group[: len(group) // 2]
        seen += group[len(group) // 2 :]
    return Split(sorted(seen), sorted(held))


def auc(scored: Scored) -> float:
    """The share of pairs in which the system to find scores higher; ties count half."""
    ranked = sorted(scored)
    below = ties = 0
    wins = 0.0
    at = 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        ties = sum(not found for _, found in ranked[at:end])
        wins += sum(found for _, found in ranked[at:end]) * (below + ties / 2)
        below += ties
        at = end
    yes = sum(found for _, found in scored)
    return wins / (yes * (len(scored) - yes))


def recall(scored: Scored, share: float = SHARE) -> float:
    """The share of systems to find among the highest-scoring `share` of the portfolio."""
    sent = sorted(scored, key=lambda item: -item[0])[: int(len(scored) * share)]
    return sum(found for _, found in sent) / sum(found for _, found in scored)


def interval(scored: Scored, figure: Callable[[Scored], float]) -> tuple[float, float]:
    """The middle 95 % of a figure over resampled portfolios (bootstrap, fixed seed)."""
    draw = random.Random(SEED)  # noqa: S311
    yes = [item for item in scored if item[1]]
    no = [item for item in scored if not item[1]]
    figures = sorted(figure(draw.choices(yes, k=len(yes)) + draw.choices(no, k=len(no))) for _ in range(DRAWS))
    return figures[int(0.025 * DRAWS)], figures[int(0.975 * DRAWS) - 1]


def by_drafting(part: Sequence[System]) -> tuple[Scored, float]:
    """Scores of drafting plus assessment, and the CPU seconds they took."""
    policy = load_compiled()
    concern("warm", policy, ON)
    start = time.process_time()
    scored = [(concern(system.text, policy, ON).score, system.found) for system in part]
    return scored, time.process_time() - start


def by_classifier(part: Sequence[System]) -> Scored:
    """Scores of the small classifier alone."""
    out = []
    for system in part:
        reading = classifier().read(system.text)
        out.append((reading.at_least[1] if reading else 0.0, system.found))
    return out


def by_comparison(halves: Split) -> Scored | None:
    """Scores of TF-IDF with logistic regression trained on the official column of the half that may be seen.

    None where scikit-learn is not installed.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
    except ImportError:
        return None
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, stop_words="english"),
        LogisticRegression(C=10, class_weight="balanced", max_iter=2_000, random_state=SEED),
    )
    model.fit([system.text for system in halves.seen], [system.found for system in halves.seen])
    scores = model.predict_proba([system.text for system in halves.held])[:, 1]
    return [(float(score), system.found) for score, system in zip(scores, halves.held, strict=True)]


def figures(scored: Scored) -> dict[str, Any]:
    """AUC and recall with their intervals."""
    return {
        "auc": round(auc(scored), 3),
        "auc_95": [round(bound, 3) for bound in interval(scored, auc)],
        "recall_at_30": round(recall(scored), 3),
        "recall_95": [round(bound, 3) for bound in interval(scored, recall)],
    }


def evaluate(path: Path) -> dict[str, Any]:
    """All figures."""
    halves = split(systems(path))
    scored, seconds = by_drafting(halves.held)
    compared = by_comparison(halves)
    largest, _ = Counter(system.agency for system in halves.held if system.found).most_common(1)[0]
    rest = [item for item, system in zip(scored, halves.held, strict=True) if system.agency != largest]
    return {
        "systems": len(halves.held),
        "to_find": sum(system.found for system in halves.held),
        "seed": SEED,
        "drafting": figures(scored),
        "classifier_alone": figures(by_classifier(halves.held)),
        "comparison": figures(compared) if compared is not None else None,
        "without_largest_agency": {"agency": largest, **figures(rest)},
        "seen_half": {
            "auc": round(auc(seen := by_drafting(halves.seen)[0]), 3),
            "recall_at_30": round(recall(seen), 3),
        },
        "cpu_seconds_per_1000": round(seconds / len(halves.held) * 1_000, 2),
    }


def main() -> int:
    """Prints the figures; exit code 3 without the data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.data.is_file():
        print(f"the inventory is not here: expected {options.data.name} (see --data)", file=sys.stderr)
        return 3
    found = evaluate(options.data)
    if options.json:
        print(json.dumps(found))
        return 0
    print(f"held back: {found['systems']} systems, {found['to_find']} of them to find (seed {found['seed']})\n")
    print(f"{'':58}{'ROC AUC':>8}  {'95 %':<14}{'recall at 30 %':>14}  95 %")
    rows = (
        ("drafting and assessment, texts alone (ships)", found["drafting"]),
        (
            f"  without {found['without_largest_agency']['agency']}, which has most to find",
            found["without_largest_agency"],
        ),
        ("  its small classifier alone", found["classifier_alone"]),
        ("TF-IDF + logistic regression, trained on the column", found["comparison"]),
    )
    for name, row in rows:
        if row is None:
            print(f"{name:<58}not run: scikit-learn is not in this environment")
            continue
        near, far = (f"{low:.3f}-{high:.3f}" for low, high in (row["auc_95"], row["recall_95"]))
        print(f"{name:<58}{row['auc']:>8.3f}  {near:<14}{row['recall_at_30']:>14.3f}  {far}")
    print(f"{'aim':<58}{AIM_AUC:>8.3f}  {'':<14}{AIM_RECALL:>14.3f}")
    seen = found["seen_half"]
    print(f"\nthe half that was looked at: AUC {seen['auc']}, recall {seen['recall_at_30']}")
    print(f"drafting and assessment: {found['cpu_seconds_per_1000']} s CPU for 1,000 descriptions")
    if found["comparison"] is None:
        print(f"\nthe comparison was not run; to run it: {BENCH}")
        print("(make bench makes that environment, with scikit-learn in it)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
