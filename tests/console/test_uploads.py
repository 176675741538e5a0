"""Files sent as evidence: how large, of what kind, and that what they are is read from their bytes."""

import io
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.base.errors import InputError
from steelyard.console.web import uploads
from tests.console.conftest import World
from tests.console.test_bad_input import messages

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"


def office() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        made.writestr("[Content_Types].xml", "<Types/>")
    return data.getvalue()


def send(world: World, system: str, name: str, data: bytes, role: str = "owner", **more: str) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    form = {"kind": "document", "file": SimpleUploadedFile(name, data, content_type="application/pdf"), **more}
    return world.client(role).post(f"/systems/{system}/evidence", form, follow=True)


def items(system: str) -> int:
    from steelyard.console.web import store
    from steelyard.evidence import store as evidence

    return len(list(evidence.items(store.link(), system)))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("report.pdf", PDF),
        ("报告（终稿）.docx", office()),
        ("🤖 تقرير.png", b"\x89PNG\r\n\x1a\n" + bytes(100)),
        ("notes", "会议纪要".encode()),
        ("old notes.txt", "会议纪要".encode("gb18030")),
        ("table.csv", b"\xef\xbb\xbfa,b\n1,2\n"),
        ("x" * 300 + ".pdf", PDF),
        ("../../etc/passwd.pdf", PDF),
    ],
)
def test_what_it_says_is_what_it_is_and_it_is_taken_in(world: World, name: str, data: bytes) -> None:
    system = world.system(name="Uploads")
    assert "Evidence taken in." in messages(send(world, system, name, data))
    assert items(system) == 1


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("page.pdf", b"<!DOCTYPE html><script>alert(1)</script>", "pages and scripts"),
        ("page.html", b"nothing bad", "its name says .html"),
        ("image.svg", b"<svg onload=alert(1)>", "pages and scripts"),
        ("a.txt", b"   \n<ScRiPt>alert(1)</script>", "pages and scripts"),
        ("report.pdf", office(), "its name says .pdf"),
        ("report.docx", PDF, "its name says .docx"),
        ("tool.pdf", b"MZ\x90\x00\x03" + bytes(60), "no kind of file"),
        ("tool", b"\x7fELF\x02\x01\x01" + bytes(60), "no kind of file"),
        ("run.txt", b"#!/bin/sh\nrm -rf /", "pages and scripts"),
        ("empty.pdf", b"", "must not be empty"),
        ("noise.bin", bytes(range(256)), "no kind of file"),
    ],
)
def test_what_it_is_not_is_refused_and_nothing_is_kept(world: World, name: str, data: bytes, words: str) -> None:
    system = world.system(name="Refused uploads")
    assert words in messages(send(world, system, name, data))
    assert items(system) == 0


def test_fifty_megabytes_are_told_their_size(world: World) -> None:
    system = world.system(name="Fifty")
    answer = send(world, system, "huge.pdf", PDF + bytes(50 * 1024 * 1024))
    assert answer.status_code == 200 and "has 50 MB; at most 20 MB" in messages(answer)
    assert items(system) == 0


def test_no_file_and_no_kind_are_told(world: World) -> None:
    system = world.system(name="No file")
    assert "a file is needed" in messages(world.client("owner").post(f"/systems/{system}/evidence", {}, follow=True))
    assert messages(send(world, system, "a.pdf", PDF, kind="nonsense"))
    assert items(system) == 0


@pytest.mark.parametrize(
    "result",
    ["[1]", "{", "[" * 100_000, '{"a": ' * 50_000, '"text"', '{"a": NaN}', '{"a": "\\ud800"}', "1e999", "null"],
)
def test_a_result_that_is_no_object_is_told(world: World, result: str) -> None:
    system = world.system(name="Results")
    answer = send(world, system, "a.pdf", PDF, result=result)
    assert answer.status_code == 200 and messages(answer) and "taken in" not in messages(answer)
    assert items(system) == 0


def test_evidence_is_for_those_it_concerns(world: World) -> None:
    system = world.system(name="Whose evidence", decision_impact="major")
    assert send(world, system, "a.pdf", PDF, role="operator").status_code == 403
    assert send(world, system, "a.pdf", PDF, role="elsewhere").status_code == 404
    assert send(world, system, "a.pdf", PDF, role="auditor").status_code == 403
    assert items(system) == 0
    assert send(world, system, "a.pdf", PDF, role="legal").status_code == 200
    assert items(system) == 1


def test_a_form_with_more_text_than_one_holds_is_told(world: World) -> None:
    client = world.client("owner")
    for lang, words in (("en", "more text than a form takes"), ("zh", "超过表单上限")):
        answer = world.client("owner", lang).post("/lang", {"next": "x" * (6 * 1024 * 1024)})
        assert answer.status_code == 413 and words in answer.content.decode()
    many = {f"f{number}": "1" for number in range(1_001)}
    assert client.post("/lang", many).status_code == 413
    broken = client.generic("POST", "/people/", b"--x\r\nbroken", content_type="multipart/form-data; boundary=y")
    assert broken.status_code in (400, 403)


@given(st.binary(max_size=200))
def test_any_bytes_are_one_of_the_kinds_or_refused(data: bytes) -> None:
    try:
        kind = uploads.kind_of(data)
    except InputError as error:
        assert error.code == "bad_upload" and error.message.zh
    else:
        assert kind in ("pdf", "zip", "png", "jpeg", "gzip", "parquet", "text")
