"""Writing a profile back to `steelyard.yaml`: known facts in the order of the vocabulary, nothing invented."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from steelyard.profile.document import FORMAT, SYSTEM_FIELDS, Profile
from steelyard.profile.facts import Vocabulary


def profile_yaml(profile: Profile, words: Vocabulary) -> str:
    """The text of the file. Texts are quoted as JSON, which is valid YAML; unknown facts are left out."""
    lines = [f"steelyard: {FORMAT}", "system:"]
    for name in SYSTEM_FIELDS:
        value = getattr(profile, name)
        lines.append(f"  {name}: {_scalar(value)}" if value else f"  {name}:")
    lines.append("facts:")
    for fact in words.items:
        if fact.id in profile.facts:
            lines.append(f"  {fact.id}: {_value(fact.plain(profile.facts[fact.id]))}")
    for name in ("models", "datasets", "asked"):
        items = getattr(profile, name)
        lines.append(f"{name}: {json.dumps(list(items), ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _scalar(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(value)}]" if value else "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def save_profile(profile: Profile, words: Vocabulary, path: Path) -> None:
    """Writes the file whole or not at all. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".steelyard-", suffix=".yaml")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(profile_yaml(profile, words))
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
