"""A page asks the same number of questions however many systems there are: Django's and the rooms' own together."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from steelyard.base import sql
from steelyard.gates import summary

PAGES = {
    "list": ("administrator", "/systems/"),
    "second page": ("administrator", "/systems/?page=2"),
    "filter": ("administrator", "/systems/?tier=high&stage=review"),
    "search": ("administrator", "/systems/?q=speed+贷款"),
    "JSON": ("administrator", "/systems/?format=json&page=1"),
    "CSV": ("administrator", "/systems/?format=csv"),
    "duties": ("legal", "/reviews/"),
    "one's own": ("owner", "/systems/"),
}


@pytest.fixture
def many(world: Any) -> Iterator[Any]:
    """Fills the list up with rows and takes them out again."""
    from django.db import transaction

    from steelyard.console.web import store

    made: list[str] = []

    def fill(count: int) -> None:
        like = summary.one(store.link(), world.system(decision_impact="major"))
        assert like is not None
        with transaction.atomic():
            face = store.link()
            for number in range(len(made), count):
                row = replace(like, system=f"speed-{number}", name=f"Speed 贷款 {number:03}", waiting=("legal",))
                summary.write(face, row, summary.words_of(row, ""))
                made.append(row.system)

    yield fill
    with transaction.atomic():
        for system in made:
            summary.forget(store.link(), system)


def asked(world: Any, monkeypatch: pytest.MonkeyPatch, role: str, path: str) -> tuple[int, list[str]]:
    """The status of a page, and every statement it took."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client, said = world.client(role), []
    client.get(path)  # what is made once is made
    execute = sql.Connection.execute

    def told(link: sql.Connection, statement: str, parameters: Any = ()) -> Any:
        said.append(statement)
        return execute(link, statement, parameters)

    with monkeypatch.context() as patch, CaptureQueriesContext(connection) as queries:
        patch.setattr(sql.Connection, "execute", told)
        status = client.get(path).status_code
    return status, [*said, *(item["sql"] for item in queries.captured_queries)]


def test_queries_of_a_page_do_not_grow_with_the_systems(world: Any, many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    many(5)
    few = {name: asked(world, monkeypatch, *page) for name, page in PAGES.items()}
    many(45)
    few["second page"] = asked(world, monkeypatch, *PAGES["second page"])  # there was none before
    many(200)
    for name, page in PAGES.items():
        status, said = asked(world, monkeypatch, *page)
        assert status == few[name][0] == 200
        assert len(said) == len(few[name][1]), (name, sorted(said), sorted(few[name][1]))
        assert 3 < len(said) < 60, (name, len(said))


def test_queries_of_a_system_do_not_grow_with_the_systems(
    world: Any, many: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = world.system(decision_impact="major")
    pages = [("legal", f"/systems/{system}/"), ("legal", f"/reviews/{system}/")]
    many(5)
    few = [len(asked(world, monkeypatch, *page)[1]) for page in pages]
    many(200)
    assert [len(asked(world, monkeypatch, *page)[1]) for page in pages] == few
