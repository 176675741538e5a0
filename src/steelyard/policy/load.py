"""Reads policies: one YAML file with its includes, or an annex layered over a base.

Enforced here: layers do not go round in circles and are at most `MAX_LAYERS` deep; includes stay in the folder of the
file. What single entries must satisfy stands in `entries`, what an annex may change in `layers`.
"""

from pathlib import Path
from typing import Any

import msgspec

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, convert, load, near
from steelyard.policy import entries as e
from steelyard.policy.language import Scope
from steelyard.policy.layers import merge
from steelyard.policy.model import DefaultTier, PolicyData
from steelyard.profile.facts import vocabulary

FORMAT = 1
PACKS = Path(__file__).parent / "packs"
SHIPPED = {"v1": PACKS / "v1" / "policy.yaml"}
MAX_LAYERS = 8
MAX_FILES = 64


def resolve(reference: str | Path | None) -> Path:
    """The file of a policy: None or a shipped name such as `v1`, else a path.

    Raises InputError for what looks like a name and is neither a shipped policy nor a file.
    """
    if reference is None:
        return SHIPPED["v1"]
    path = SHIPPED.get(str(reference), Path(reference))
    if path.parent == Path() and not path.suffix and not path.exists():
        names = ", ".join(SHIPPED)
        raise InputError(
            "no_such_policy",
            Text(f"there is no policy {str(reference)!r}", f"找不到策略 {str(reference)!r}"),
            remedy=Text(f"use a path, or a shipped policy: {names}", f"请写路径，或内置策略：{names}"),
        )
    return path


def files_of(path: Path) -> list[Path]:
    """The file and all it includes or extends, found as the loader finds them: what names the compiled form."""
    seen: list[Path] = []
    queue = [path]
    while queue and len(seen) < MAX_FILES:
        current = queue.pop()
        if current in seen or not current.is_file():
            continue
        seen.append(current)
        try:
            data = load(current).data
        except InputError:
            continue
        if not isinstance(data, dict):
            continue
        names = data.get("include") or []
        included = [current.parent / str(name) for name in (names if isinstance(names, list) else [names])]
        seen += [file for file in included if file not in seen and file.is_file()]
        if isinstance(data.get("extends"), str):
            queue.append(_base_path(current, data["extends"]).resolve())
    return sorted(seen)


def _base_path(path: Path, reference: str) -> Path:
    return SHIPPED.get(reference) or path.parent / reference


def base_of(path: Path) -> Path | None:
    """The file of the policy that the one in `path` extends; None where it extends nothing."""
    data = load(path).data
    reference = data.get("extends") if isinstance(data, dict) else None
    return _base_path(path, reference) if isinstance(reference, str) else None


def load_policy(path: Path, _chain: tuple[Path, ...] = ()) -> PolicyData:
    """Reads, layers and checks the policy in `path`. Raises InputError."""
    doc = load(path)
    if not isinstance(doc.data, dict) or doc.data.get("policy") != FORMAT:
        raise doc.error(
            "bad_format",
            (),
            Text(f"a policy file starts with 'policy: {FORMAT}'", f"策略文件应以“policy: {FORMAT}”开头"),
            Text("see docs/how-to/add-a-rule.md", "参见 docs/how-to/add-a-rule.md"),
        )
    base = _load_base(doc, path, _chain)
    sections, scalars = e.collect([doc, *_includes(doc, path)])
    return merge(doc, sections, scalars, base) if base else _assemble(doc, sections, scalars)


def _load_base(doc: Document, path: Path, chain: tuple[Path, ...]) -> PolicyData | None:
    reference = doc.data.get("extends")
    if reference is None:
        return None
    if not isinstance(reference, str):
        raise doc.error("wrong_type", ("extends",), Text("extends names one policy", "extends 只能指向一个策略"))
    target = _base_path(path, reference).resolve()
    trail = (*chain, path.resolve())
    if target in trail or len(trail) >= MAX_LAYERS:
        names = " -> ".join(p.name for p in (*trail, target))
        raise doc.error(
            "cyclic_layers",
            ("extends",),
            Text(f"the layers go round in a circle or too deep: {names}", f"策略层级成环或过深：{names}"),
            Text("let the outermost base extend nothing", "最底层策略不应再 extends 其他策略"),
        )
    if not target.is_file():
        raise doc.error(
            "no_such_policy",
            ("extends",),
            Text(f"there is no policy {reference!r}", f"找不到策略 {reference!r}"),
            near(reference, SHIPPED)
            or Text(f"use a path, or one of: {', '.join(SHIPPED)}", f"请写路径，或：{'、'.join(SHIPPED)}"),
        )
    return load_policy(target, trail)


def _includes(doc: Document, path: Path) -> list[Document]:
    names = doc.data.get("include") or []
    out = []
    if isinstance(names, list) and (len(names) > MAX_FILES // 2 or len(set(map(str, names))) < len(names)):
        raise doc.error(
            "bad_include", ("include",), Text("an include is named twice, or there are too many", "include 重复或过多")
        )
    for index, name in enumerate(names if isinstance(names, list) else [names]):
        if not isinstance(name, str) or "/" in name or "\\" in name or name.startswith("."):
            raise doc.error(
                "bad_include",
                ("include", index),
                Text("an include is the name of a file in the same folder", "include 须为同一文件夹内的文件名"),
            )
        out.append(load(path.parent / name))
        if not isinstance(out[-1].data, dict):
            raise out[-1].error("wrong_type", (), Text("expected sections such as tiers:", "应为 tiers: 等各节"))
    return out


def _assemble(doc: Document, sections: e.Sections, scalars: e.Scalars) -> PolicyData:
    layer = e.layer_of(doc)
    extra = e.extra_facts(sections["facts"], ())
    words = vocabulary().extended(extra)
    sets = {name: e.set_of(entry) for name, entry in e.named(scalars, "sets")}
    terms, nodes = e.read_terms(e.named(scalars, "terms"), words, sets, {}, {})
    if "default" not in scalars:
        raise doc.error(
            "missing_key",
            (),
            Text("'default' is missing: the tier of a system that no rule lifts", "缺少 default：无规则命中时的等级"),
        )
    source = scalars["default"].source
    default: DefaultTier = convert(source.doc, source.keys, scalars["default"].raw, DefaultTier)
    scope = Scope(words, {name: frozenset(members) for name, members in sets.items()}, nodes)
    rules = {
        name: tuple(e.read_entry(entry, kind, scope) for entry in sections[name])
        for name, kind in e.SECTIONS.items()
        if name != "loosens"
    }
    if sections["loosens"]:
        raise sections["loosens"][0].source.error(
            "loosens_nothing", Text("only a policy that extends another can loosen", "只有 extends 其他策略时才能放宽")
        )
    e.unique_ids(sections, default.id)
    e.check_lanes(doc, rules["lanes"])
    return PolicyData(
        id=layer.id,
        version=layer.version,
        title=layer.title,
        instruments=e.instruments_of(doc),
        layers=(layer,),
        sets=sets,
        terms=terms,
        facts=extra,
        default=default,
        tiers=rules["tiers"],
        lanes=rules["lanes"],
        prohibitions=rules["prohibitions"],
        obligations=rules["obligations"],
        information=rules["information"],
        promises=rules["promises"],
    )


def to_plain(data: PolicyData) -> Any:
    """The merged policy as plain JSON data, for printing and digests."""
    return msgspec.to_builtins(data)
