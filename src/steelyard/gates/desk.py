"""The desk where a case is judged: a profile's file, the policy, what the store holds, on one day."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from steelyard.base import sql
from steelyard.base.errors import EnvironmentNotReady
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.evidence import folder
from steelyard.evidence.kinds import Kinds
from steelyard.gates import tables
from steelyard.gates.case import Case, case_of
from steelyard.gates.gate import Judge
from steelyard.gates.requirements import Requirements, load
from steelyard.ledger.home import Home
from steelyard.policy.assess import assess
from steelyard.policy.compile import Policy
from steelyard.profile.document import read


@dataclass(frozen=True, slots=True)
class Desk:
    """A store, a policy with its requirements, the kinds of evidence, and a day."""

    home: Home
    policy: Policy
    kinds: Kinds
    requirements: Requirements
    on: dt.date

    @staticmethod
    def of(home: Home, policy: Policy, on: dt.date) -> "Desk":
        """The desk with everything that is registered. Raises InputError where a kind or requirement does not fit."""
        kinds = Kinds.registered()
        return Desk(home, policy, kinds, load(policy, kinds), on)

    def case(self, path: str | Path) -> Case:
        """The case of the profile in a file. Raises InputError."""
        return case_of(assess(read(path, self.policy.vocabulary), self.policy, self.on))

    def judge(self, case: Case, link: Connection | None) -> Judge:
        """The judge of a case over what the store holds."""
        return tables.judge_of(link, case, self.requirements, self.kinds)

    def judge_now(self, path: str | Path) -> Judge:
        """The judge of the profile in a file, reading only: no store is made where there is none."""
        case = self.case(path)
        if not self.home.exists():
            return self.judge(case, None)
        bring_up(self.home)
        with self.home.connect_to_read() as link, told(self.home):
            return self.judge(case, link)


@contextmanager
def told(home: Home) -> Iterator[None]:
    """Tells what a database says when it is read as an error for people."""
    try:
        yield
    except sql.database_errors() as error:
        raise sql.failure(error, sql.place(home.url)) from None


@contextmanager
def _whole(home: Home) -> Iterator[None]:
    """A working copy that cannot be built whole is dropped again: half of one looks like a store that lost things."""
    try:
        yield
    except EnvironmentNotReady:
        home.drop_working_copy()
        raise


def bring_up(home: Home) -> None:
    """Builds the working copy of a folder store from its files where it is missing; signs and mirrors nothing."""
    if home.mirror is not None and home.exists():
        with home.connect() as link, _whole(home):
            tables.prepare(link)
            folder.rebuild(home.mirror, link)


@contextmanager
def reading(home: Home) -> Iterator[Connection]:
    """A connection that changes nothing, to a store that has the tables. Raises EnvironmentNotReady `no_store`."""
    bring_up(home)
    with home.connect_to_read() as link, told(home):
        if "gates_decision" not in link.tables():
            raise EnvironmentNotReady(
                "no_store",
                Text("this store holds no evidence yet", "此存储尚无证据"),
                remedy=Text("`steelyard evidence add` puts some in", "可用 `steelyard evidence add` 存入"),
            )
        yield link


@contextmanager
def writing(home: Home) -> Iterator[Connection]:
    """A connection for writing with the tables of evidence and gates; what was queued is sequenced at the end."""
    with home.writing() as link:
        tables.prepare(link)
        if home.mirror is not None:
            with _whole(home):
                folder.rebuild(home.mirror, link)
        yield link
        if home.mirror is not None:
            folder.mirror(home.mirror, link)
