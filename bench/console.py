"""The console's lists with many systems. `python bench/console.py`, or `python -m bench.console`.

Rules enforced:
- a real server (`steelyard serve`) on loopback over a store in a temporary folder, which is removed; the number of
  requests is fixed, and no more than two clients ask at a time;
- stores of 1,000 and of 100,000 systems answer the same questions, each in its turn, one server after the other;
- every answer is checked: status 200, and as many rows as there must be; an answer that is wrong ends the run;
- p50 and p95 are of wall time seen by one client that asks one thing after the other; on a machine that others use they
  are upper bounds; CPU is that of the server's process, from the system's own count.
"""

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
if __package__ in (None, ""):
    sys.path[0] = str(ROOT)

from bench import process  # noqa: E402
from bench.console_store import build  # noqa: E402
from bench.single import machine, number  # noqa: E402

CODE, PASSWORD = "bench-code", "a long enough phrase 7"
LISTS = {
    "list": ["", "page=2", "page=7"],
    "filter": ["tier=high", "tier=low", "stage=review", "stage=prohibited&tier=high", "tier=medium&page=3"],
    "search, English": ["q=meeting", "q=loan+app", "q=minutes+meetings", "q=ca", "q=k3e", "q=translation+zzz", "q=the"],
    "search, Chinese": [
        f"q={urllib.parse.quote(words)}"
        for words in ("会议", "贷款 审批", "模型", "员工 手册", "人", "翻译专员", "审校量子")
    ],
}
AIMS = {"list": 200.0, "filter": 200.0, "search, English": 200.0, "search, Chinese": 200.0, "a system": 150.0}


class Client:
    """Somebody who is signed in, over one connection that stays open."""

    def __init__(self, port: int, cookies: dict[str, str] | None = None) -> None:
        self.port, self.cookies = port, dict(cookies or {})
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, bytes]:
        """One request; answers status and body."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        data = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            data = urllib.parse.urlencode(form)
        self.link.request("GET" if form is None else "POST", path, data, headers)
        answer = self.link.getresponse()
        body = answer.read()
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.cookies.update({name: item.value for name, item in SimpleCookie(line).items()})
        return answer.status, body

    def set_up(self) -> None:
        """Makes the first administrator, and is that one from then on; signs in where a kept store has one."""
        status, page = self.ask("/setup")
        path = "/setup" if status == 200 else "/accounts/login/"
        if status != 200:
            _, page = self.ask(path)
        token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None, page
        form = {"code": CODE, "display_name": "Bench", "username": "bench", "login": "bench", "password": PASSWORD}
        status, page = self.ask(path, {**form, "csrfmiddlewaretoken": token[1].decode()})
        assert status == 302, page


class Server(NamedTuple):
    """A console that answers: its address, its process, seconds until it did, and CPU seconds it took by then."""

    port: int
    pid: int
    seconds: float
    cpu: float


def cpu_of(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Resident memory of a process now, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
        except (OSError, ValueError):
            continue
    return found


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """`steelyard serve` in a folder, until it answers; ended afterwards."""
    env = {**os.environ, "STEELYARD_SETUP_CODE": CODE, "PYTHONPATH": str(ROOT / "src")}
    env.pop("STEELYARD_STORE", None)
    said = folder / "serve.log"
    with said.open("w") as log:
        begun = time.perf_counter()
        child = subprocess.Popen(
            [*process.steelyard(), "serve", "--port", "0", "--lang", "en"], cwd=folder, env=env, stderr=log
        )
    try:
        port = 0
        while not port:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", said.read_text(encoding="utf-8"))
            port = int(found[1]) if found else 0
            if child.poll() is not None or time.perf_counter() - begun > 120:
                raise SystemExit(said.read_text(encoding="utf-8"))
            time.sleep(0.02)
        while True:
            try:
                if Client(port).ask("/healthz")[0] == 200:
                    break
            except OSError:
                time.sleep(0.02)
        yield Server(port, child.pid, time.perf_counter() - begun, cpu_of(child.pid))
    finally:
        child.terminate()
        child.wait(20)


def timed(ask: Callable[[int], tuple[int, bytes]], count: int) -> list[float]:
    """Milliseconds of each of `count` requests, one after the other."""
    out = []
    for at in range(count):
        begun = time.perf_counter()
        status, body = ask(at)
        out.append((time.perf_counter() - begun) * 1e3)
        if status != 200:
            raise SystemExit(f"status {status}: {body[:300]!r}")
    return out


def spread(times: list[float]) -> dict[str, float]:
    """p50 and p95."""
    ordered = sorted(times)
    return {"p50": statistics.median(ordered), "p95": ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]}


def together(port: int, cookies: dict[str, str], path: str, count: int, clients: int = 2) -> float:
    """Requests a second with that many clients at once."""

    def work() -> None:
        client = Client(port, cookies)
        timed(lambda _: client.ask(path), count // clients)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.perf_counter() - begun)


def measured(folder: Path, in_full: int, count: int) -> dict[str, Any]:
    """Everything that is asked of one store."""
    with serving(folder) as server:
        client = Client(server.port)
        client.set_up()
        status, page = client.ask("/systems/")
        assert status == 200 and page.count(b"<tr>") == 21, page[:500]
        status, data = client.ask("/systems/?format=json&page=1")
        rows = json.loads(data)
        rows = rows if isinstance(rows, list) else rows["items"]
        assert status == 200 and len(rows) == 20, data[:300]
        out: dict[str, Any] = {"start": server.seconds, "times": {}, "worst": {}}
        for name, queries in LISTS.items():
            timed(lambda at: client.ask(f"/systems/?{queries[at]}"), len(queries))  # noqa: B023
            each = {
                query: timed(lambda _: client.ask(f"/systems/?{query}"), max(3, count // len(queries)))  # noqa: B023
                for query in queries
            }
            out["times"][name] = spread([one for times in each.values() for one in times])
            worst = max(each, key=lambda query: statistics.median(each[query]))
            out["worst"][name] = (urllib.parse.unquote_plus(worst), statistics.median(each[worst]))
        out["times"]["a system"] = spread(timed(lambda at: client.ask(f"/systems/s-{at % in_full:06d}/"), count))
        out["html"] = together(server.port, client.cookies, "/systems/", count * 2)
        out["json"] = together(server.port, client.cookies, "/systems/?format=json&page=1", count * 4)
        out["memory"] = memory(server.pid)
        out["worker"] = max((memory(pid) for pid in children(server.pid)), default=0.0)
    return out


def side_by_side(folders: list[Path], count: int) -> list[float]:
    """CPU milliseconds of a page of each store, both servers up and asked in turn."""
    with serving(folders[0]) as one, serving(folders[1]) as other:
        clients = [Client(server.port) for server in (one, other)]
        for client in clients:
            client.set_up()
            timed(lambda _: client.ask("/systems/"), 20)  # noqa: B023
        pids = (one.pid, other.pid)
        before = [cpu_of(pid) for pid in pids]
        for _ in range(count):
            for client in clients:
                timed(lambda _: client.ask("/systems/"), 1)  # noqa: B023
        return [(cpu_of(pid) - start) / count * 1e3 for pid, start in zip(pids, before, strict=True)]


def empty(folder: Path) -> dict[str, float]:
    """The start from an empty folder, the memory then, and what importing settings and URLs costs."""
    folder.mkdir()
    with serving(folder) as server:
        time.sleep(3)  # the worker is up by then
        out = {"start": server.seconds, "start_cpu": server.cpu, "memory": memory(server.pid)}
        out["worker"] = max((memory(pid) for pid in children(server.pid)), default=0.0)
    load = "import os, django\nos.environ['DJANGO_SETTINGS_MODULE'] = 'steelyard.console.settings'\ndjango.setup()\n"
    load += "from django.urls import get_resolver\nget_resolver().url_patterns"
    env = {"PYTHONPATH": str(ROOT / "src"), "STEELYARD_STORE": f"sqlite:///{folder / '.steelyard' / 'steelyard.db'}"}
    costs = [process.run([sys.executable, "-c", load], env).cpu for _ in range(3)]
    return {**out, "import_cpu": statistics.median(costs)}


def verdicts(result: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """(what, measured, aim, met)."""
    few, many, nothing = result["few"], result["many"], result["empty"]
    out = []
    for name, aim in AIMS.items():
        value = many["times"][name]["p95"]
        out.append((f"{name}, p95", f"{number(value)} ms", f"under {aim:.0f} ms", value < aim))
    ratio = many["cpu_of_a_page"] / few["cpu_of_a_page"]
    out.append(("a page of many beside one of few (CPU)", f"{ratio:.2f}", "at most 1.3", ratio <= 1.3))
    out.append(("start in an empty folder", f"{nothing['start']:.1f} s", "under 5 s", nothing["start"] < 5))
    out.append(("memory of the server", f"{many['memory']:.0f} MiB", "under 150 MB", many["memory"] * 1.048576 < 150))
    worker = max(nothing["worker"], many["worker"])
    out.append(("memory of the task worker", f"{worker:.0f} MiB", "under 150 MB", worker * 1.048576 < 150))
    cost = nothing["import_cpu"]
    out.append(("importing settings and URLs, CPU", f"{cost:.2f} s", "under 2 s", cost < 2))
    out.append(("JSON list", f"{many['json']:.0f} a second", "at least 86", many["json"] >= 86))
    out.append(("HTML list", f"{many['html']:.0f} a second", "at least 34", many["html"] >= 34))
    return out


def markdown(result: dict[str, Any]) -> str:
    """The result as tables for people."""
    few, many, facts = result["few"], result["many"], result["machine"]
    out = [
        "# The console",
        "",
        f"{result['systems'][0]:,} and {result['systems'][1]:,} systems, {result['entries']:,} ledger entries in the "
        f"larger store, {result['database']}. Python {facts['python']}, {facts['cores']} shared cores.",
        "",
        f"| ms | {result['systems'][0]:,}: p50 | p95 | {result['systems'][1]:,}: p50 | p95 | the slowest question |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for name in (*LISTS, "a system"):
        a, b = few["times"][name], many["times"][name]
        query, worst = many["worst"].get(name, ("", 0.0))
        slowest = f"`{query or 'page 1'}` {number(worst)}" if worst else ""
        cells = (number(a["p50"]), number(a["p95"]), number(b["p50"]), number(b["p95"]), slowest)
        out.append(f"| {name} | {' | '.join(cells)} |")
    out += [
        "",
        f"Memory of the server {result['empty']['memory']:.0f} MiB at the start, {many['memory']:.0f} MiB afterwards. "
        f"CPU of a page of 20: {few['cpu_of_a_page']:.1f} and {many['cpu_of_a_page']:.1f} ms.",
        "",
        "| aim | measured | aim | met |",
        "|---|---:|---:|---|",
    ]
    out += [
        f"| {name} | {shown} | {aim} | {'yes' if met else '**no**'} |" for name, shown, aim, met in verdicts(result)
    ]
    return "\n".join(out) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Measures, prints the tables and writes console.json and console.md."""
    parser = argparse.ArgumentParser(prog="python bench/console.py", description="the console with many systems")
    parser.add_argument("--systems", type=int, nargs=2, default=(1_000, 100_000), metavar=("FEW", "MANY"))
    parser.add_argument("--entries", type=int, default=1_000_000, help="entries of the ledger of the larger store")
    parser.add_argument("--in-full", type=int, default=200, help="systems that are on record in full")
    parser.add_argument("--count", type=int, default=100, help="requests of each kind")
    parser.add_argument("--keep", type=Path, help="a folder where the stores are made once and kept")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as temporary:
        place = options.keep or Path(temporary)
        measures = []
        for systems in options.systems:
            folder = place / str(systems)
            fresh = not (folder / ".steelyard").is_dir()
            folder.mkdir(parents=True, exist_ok=True)
            if fresh:
                with serving(folder) as server:
                    Client(server.port).set_up()  # who comes first is administrator, and sees everything
                entries = options.entries if systems == max(options.systems) else 0
                build(f"sqlite:///{folder / '.steelyard' / 'steelyard.db'}", systems, options.in_full, entries)
            measures.append(measured(folder, min(options.in_full, systems), options.count))
        pages = side_by_side([place / str(systems) for systems in options.systems], options.count * 3)
        for one, cost in zip(measures, pages, strict=True):
            one["cpu_of_a_page"] = cost
        nothing = empty(Path(temporary) / "empty")
    result = {
        "machine": machine(),
        "database": "SQLite",
        "systems": list(options.systems),
        "entries": options.entries,
        "few": measures[0],
        "many": measures[1],
        "empty": nothing,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "console.json").write_text(json.dumps(result, indent=1, ensure_ascii=False), encoding="utf-8")
    (options.out / "console.md").write_text(markdown(result), encoding="utf-8")
    print(markdown(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
