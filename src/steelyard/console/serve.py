"""`steelyard serve`: one process that answers, and its task worker as a supervised child.

Rules enforced: the tables are brought up before the first request; anything but loopback needs its host names given; an
empty installation prints a one-time code, without which nobody becomes the first administrator.
"""

import ipaddress
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from steelyard.base.errors import InputError, missing_extra
from steelyard.base.i18n import Text

Say = Callable[[Text], None]
_WORKER = "from steelyard.console.serve import work; work()"


def loopback(host: str) -> bool:
    """Whether an address is only reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def set_up(host: str, hosts: str) -> None:
    """Names the settings to Django and starts it. Raises InputError `hosts_needed`, EnvironmentNotReady."""
    if not loopback(host) and not hosts:
        raise InputError(
            "hosts_needed",
            Text(
                f"{host} can be reached from elsewhere; under which names?", f"{host} 可从外部访问，请说明使用哪些域名"
            ),
            remedy=Text(
                "give them with --hosts name1,name2, behind a proxy that speaks TLS",
                "请用 --hosts 名称1,名称2 指定，并置于 TLS 代理之后",
            ),
            field="--hosts",
        )
    os.environ["STEELYARD_LOOPBACK"] = "1" if loopback(host) else "0"
    if hosts:
        os.environ["STEELYARD_HOSTS"] = hosts
    os.environ["DJANGO_SETTINGS_MODULE"] = "steelyard.console.settings"
    try:
        import django
    except ImportError:
        raise missing_extra("console", "Django") from None
    django.setup()


def bring_up() -> None:
    """Brings every table up to this version."""
    from django.core.management import call_command

    from steelyard.console.web import store

    store.prepare()
    call_command("migrate", verbosity=0, interactive=False)


def setup_code() -> str | None:
    """A new one-time code where nobody can sign in yet."""
    from django.contrib.auth import get_user_model

    if get_user_model().objects.exists():
        return None
    code = os.environ.get("STEELYARD_SETUP_CODE") or secrets.token_hex(4)
    os.environ["STEELYARD_SETUP_CODE"] = code
    return code


def serve(host: str, port: int, hosts: str, say: Say, *, worker: bool = True, demo: bool = False) -> int:
    """Serves until it is told to stop; answers the exit code. `demo` fills an empty store with an organisation."""
    set_up(host, hosts)
    bring_up()
    if demo:
        _demonstrate(say)
    code = setup_code()
    from cheroot.wsgi import Server

    from steelyard.console.wsgi import application

    server = Server((host, port), application, numthreads=8, request_queue_size=64, server_name="steelyard")
    server.max_request_body_size = 60 * 1024 * 1024
    server.max_request_header_size = 64 * 1024
    stop = threading.Event()
    helper = threading.Thread(target=_supervise, args=(stop,), daemon=True) if worker else None

    def end(*_: object) -> None:
        stop.set()
        threading.Thread(target=server.stop, daemon=True).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        server.prepare()
    except OSError as error:
        raise InputError(
            "port_taken",
            Text(
                f"cannot listen on {host}:{port}: {error.strerror or error}",
                f"无法监听 {host}:{port}：{error.strerror or error}",
            ),
            remedy=Text("choose another one with --port", "请用 --port 另选端口"),
            field="--port",
        ) from None
    address = f"http://{host if ':' not in host else f'[{host}]'}:{server.bind_addr[1]}/"
    say(Text(f"Steelyard answers at {address}", f"权衡已就绪：{address}"))
    if code is not None:
        say(
            Text(
                f"Nobody is here yet. Open {address}setup with the code {code}",
                f"尚无人员。请打开 {address}setup 并输入代码 {code}",
            )
        )
    if helper is not None:
        helper.start()
        threading.Thread(target=_turn, args=(stop,), daemon=True).start()
    server.serve()
    stop.set()
    if helper is not None:
        helper.join(5)
    return 0


def _demonstrate(say: Say) -> None:
    """Makes the demonstration, and tells its accounts this once."""
    from steelyard.console import demo
    from steelyard.gates.people import ROLES

    say(Text("Making up an organisation; this takes some seconds.", "正在生成演示组织，约需数秒。"))
    accounts = demo.create()
    if accounts is None:
        say(
            Text(
                "The demonstration is here already; its password was told when it was made.",
                "演示数据已存在；密码已在生成时显示。",
            )
        )
        return
    say(Text("Demonstration data: nobody here is real.", "演示数据：人员与系统均属虚构。"))
    for username, name, roles in accounts.rows:
        en, zh = (", ".join(ROLES[role].en for role in roles), "、".join(ROLES[role].zh for role in roles))
        say(Text(f"  {username:16} {name} (role: {en})", f"  {username:16} {name}（角色：{zh}）"))
    say(
        Text(
            f"The password of all of them, told this once: {accounts.password}",
            f"以上账户的统一密码（仅显示这一次）：{accounts.password}",
        )
    )


def _supervise(stop: threading.Event) -> None:
    """Keeps the task worker running: started again when it ends, more slowly each time, told to end with us."""
    wait = 1.0
    while not stop.is_set():
        child = subprocess.Popen([sys.executable, "-c", _WORKER])
        begun = time.monotonic()
        while child.poll() is None and not stop.wait(0.5):
            pass
        if stop.is_set():
            child.terminate()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
            return
        wait = 1.0 if time.monotonic() - begun > 60 else min(wait * 2, 60)
        stop.wait(wait)


def _turn(stop: threading.Event) -> None:
    """Judges again, every minute and a little at a time, what the day or another policy has overtaken in the lists."""
    from django.db import close_old_connections

    from steelyard.console.web import store
    from steelyard.gates import summary

    log = logging.getLogger("steelyard.console")
    while not stop.wait(2.0):
        try:
            while not stop.wait(0.2):
                with store.change() as face:
                    if not summary.turn(face, store.desk()):
                        break
        except Exception:
            log.exception("the rows behind lists were not brought up to today; tried again in a minute")
        close_old_connections()
        if stop.wait(60.0):
            return


def work() -> None:
    """The task worker: runs what the console put off."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "steelyard.console.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("db_worker", interval=2, verbosity=0)
