"""The second half of `make demo`: one high-tier system to an open launch gate, its audit pack, and a forger.

The evidence is made up, from the smallest result that each requirement's own example gives; everything else is real:
keys, signatures, decisions of five people, the log, its witness, the pack, and the stand-alone verifier.
"""

import base64
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from steelyard.cli.main import main as steelyard

ROOT = Path(__file__).parent.parent
HOUSE = ROOT / "out" / "demo-launch"
PROFILE = "loan-approval.yaml"
PEOPLE = {
    "business": "Chen Jing",
    "data": "Wang Fang",
    "legal": "Zhao Lei",
    "security": "Sun Yue",
    "senior": "Qian Min",
}
ADMINISTRATOR = "Li Wei"
SHOWN = 2


def run(*args: str, show: bool = True, expect: int = 0) -> str:
    """One command, as a person would type it; its output is printed and answered."""
    quoted = " ".join(f"'{item}'" if " " in item else item for item in args)
    if show:
        print(f"\n$ steelyard {quoted}", flush=True)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = steelyard(list(args))
    text = out.getvalue()
    if show:
        print(text, end="", flush=True)
    if code != expect:
        print(text, file=sys.stderr)
        raise SystemExit(f"steelyard {quoted}: exit {code}, expected {expect}")
    return text


def people() -> None:
    """Keys and roles: the first person becomes administrator and appoints the five of the deep lane."""
    run("key", "new", "--person", ADMINISTRATOR)
    for index, (role, name) in enumerate(PEOPLE.items()):
        run("key", "new", "--person", name, show=index == 0)
        run("appoint", name, "--role", role, "--by", ADMINISTRATOR, show=index == 0)
    print(f"... and {len(PEOPLE) - 1} more: {', '.join(PEOPLE)}")


def evidence(missing: list[dict[str, object]]) -> None:
    """A signed statement for everything the gate says is missing, but for what only people can decide."""
    from steelyard.evidence.kinds import Kinds
    from steelyard.gates.requirements import load
    from steelyard.policy.compile import load_compiled

    kinds = Kinds.registered()
    wanted = load(load_compiled(None), kinds)
    made: list[str] = []
    for item in missing:
        obligation, needs = str(item["obligation"]), list(item["needs"])  # type: ignore[call-overload]
        if needs == ["approval"]:
            continue
        kind = kinds[needs[0]]
        more = wanted.of(obligation, kind.id)
        result = more.examples.meets if more else kind.examples.satisfies
        folder = Path("evidence") / obligation
        folder.mkdir(parents=True)
        (folder / "report.txt").write_text(f"{obligation}: demonstration only\n", encoding="utf-8")
        (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
        made.append(f"{folder}.json")
        args = ["--system", "loan-approval", "--obligation", obligation, "--subject", str(folder / "report.txt")]
        args += ["--predicate", str(folder / "result.json"), "--out", made[-1]]
        run("evidence", "new", kind.id, *args, show=len(made) <= SHOWN)
    print(f"... and {len(made) - SHOWN} more")
    run("evidence", "add", *made, show=False)
    print(f"\n$ steelyard evidence add evidence/*.json\n{len(made)} taken in")


def forge(pack: Path) -> None:
    """Turns one approval into a refusal in a copy of the pack, as its keeper could, and lets the verifier look."""
    copy = pack.with_name("forged.zip")
    with zipfile.ZipFile(pack) as old, zipfile.ZipFile(copy, "w") as new:
        waiting = True
        for info in old.infolist():
            data = old.read(info)
            if waiting and info.filename.startswith("envelopes/"):
                envelope = json.loads(data)
                payload = base64.b64decode(envelope["payload"])
                if b'"action":"approve"' in payload:
                    changed = payload.replace(b'"action":"approve"', b'"action":"refuse"')
                    envelope["payload"] = base64.b64encode(changed).decode()
                    data, waiting = json.dumps(envelope, separators=(",", ":")).encode(), False
            new.writestr(info, data)
    print("\nNow somebody turns one approval into a refusal, in a copy of the pack:")
    verify(copy, expect=1)


def verify(pack: Path, expect: int = 0) -> None:
    """Runs the verifier that stands in the pack itself, with nothing but Python."""
    with zipfile.ZipFile(pack) as archive:
        Path("verify_pack.py").write_bytes(archive.read("verify_pack.py"))
    print(f"\n$ python3 verify_pack.py {pack.name}", flush=True)
    command = [sys.executable, "-I", "-S", "verify_pack.py", str(pack)]
    code = subprocess.run(command, env={"PATH": os.environ.get("PATH", "")}, check=False).returncode
    if code != expect:
        raise SystemExit(f"the verifier answered {code}, expected {expect}")


def main() -> int:
    """The whole walk."""
    shutil.rmtree(HOUSE, ignore_errors=True)
    HOUSE.mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "systems" / PROFILE, HOUSE / PROFILE)
    os.chdir(HOUSE)
    os.environ.pop("STEELYARD_STORE", None)
    os.environ["STEELYARD_KEY_PASSPHRASE"] = "for this demonstration only"  # noqa: S105
    os.environ.setdefault("COLUMNS", "120")
    print("One high-tier system, from intake to launch")
    people()
    state = json.loads(run("gate", PROFILE, "--at", "launch", "--json", show=False, expect=1))
    print(f"\n$ steelyard gate {PROFILE} --at launch\nclosed: {len(state['missing'])} steps are missing")
    evidence(state["missing"])
    for role, name in PEOPLE.items():
        reason = f"reviewed as {role}"
        run("decide", "approve", PROFILE, "--by", name, "--role", role, "--reason", reason, "--gate", "launch")
    run("gate", PROFILE, "--at", "launch")
    run("ledger", "witness", "--state", "witness-of-somebody-else")
    run("ledger", "verify")
    run("audit-pack", "loan-approval", "--out", "pack.zip")
    verify(HOUSE / "pack.zip")
    forge(HOUSE / "pack.zip")
    return 0


if __name__ == "__main__":
    sys.exit(main())
