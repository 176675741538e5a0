"""PDF descriptions: read in both languages as they were meant, pages without text counted, hostile files refused."""

import random
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.base.errors import InputError
from steelyard.intake.drafting import pdf, pdf_worker, readers
from steelyard.intake.drafting.draft import draft
from tests.conftest import ROOT, Run
from tests.intake import pdfs

ENGLISH = "The tool recognises visitors by face.\nIt runs on our own servers and is open to the public."
CHINESE = "系统用人脸识别核验访客身份，面向公众开放。\n数据存放在自有机房，不出境。"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def saved(folder: Path, data: bytes) -> Path:
    """A file with these bytes."""
    path = folder / "a.pdf"
    path.write_bytes(data)
    return path


def text_of(path: Path) -> str:
    """The one description in a file."""
    (item,) = readers.read(path)
    assert isinstance(item, readers.Description)
    return item.text


def refused(path: Path) -> InputError:
    """The error for a file that cannot be used, which comes in time and always says what to do."""
    start = time.monotonic()
    with pytest.raises(InputError) as caught:
        list(readers.read(path))
    assert time.monotonic() - start < 10
    assert caught.value.remedy is not None and caught.value.path == str(path)
    return caught.value


# --- what is read ---


def test_both_languages_are_read_with_quotes_in_place(tmp_path: Path) -> None:
    text = text_of(saved(tmp_path, pdfs.pages([ENGLISH, CHINESE])))
    assert text == f"{ENGLISH}\n{CHINESE}"
    found = {item.fact: item for item in draft(text)}
    assert found["audience"].value == "public" and found["hosting"].value == frozenset({"own"})
    assert found["biometrics"].quote == "recognises visitors by face"
    assert {item.quote for item in draft(CHINESE)} >= {"人脸识别", "面向公众开放"}
    for item in found.values():
        assert item.quote == text[item.start : item.end]


def test_an_old_chinese_font_without_a_character_map(tmp_path: Path) -> None:
    content = pdfs.stream(pdfs.shown("面向公众开放。", "gbk"))
    data = pdfs.one_page(content, {4: pdfs.chinese_font(b"GBK-EUC-H", None)})
    assert text_of(saved(tmp_path, data)) == "面向公众开放。"


def test_pages_without_text_are_counted_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], steelyard: Run
) -> None:
    path = saved(tmp_path, pdfs.pages([ENGLISH, None, None, CHINESE]))
    assert text_of(path) == f"{ENGLISH}\n{CHINESE}"
    said = capsys.readouterr().err
    assert "2 of 4 pages" in said and "共 4 页，其中 2 页" in said and "a.pdf" in said
    done = steelyard("intake", "draft", "--from", path, "--json")
    assert done.returncode == 0 and "2 of 4 pages" in done.stderr and '"audience"' in done.stdout
    whole = saved(tmp_path, pdfs.pages([ENGLISH]))
    text_of(whole)
    assert capsys.readouterr().err == ""


def encrypted(user: str, owner: str) -> bytes:
    """A PDF under these passwords."""
    writer, out = pypdf.PdfWriter(), BytesIO()
    writer.append(BytesIO(pdfs.pages([ENGLISH])))
    writer.encrypt(user, owner, algorithm="AES-256")
    writer.write(out)
    return out.getvalue()


def test_a_pdf_that_opens_without_a_password_is_read(tmp_path: Path) -> None:
    assert text_of(saved(tmp_path, encrypted("", "secret"))) == ENGLISH


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: a PDF as browsers print it went UNREAD")
def test_a_page_printed_by_a_browser(tmp_path: Path) -> None:
    page, out = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(
        "<!doctype html><meta charset=utf-8><style>body { width: 260px }</style><h1>访客系统</h1>"
        "<p>本系统使用人脸识别核验访客身份，面向公众开放，任何人都可以预约参观。数据存放在自有机房，不会传输到境外，"
        "识别结果由保安人员确认之后才会开门。</p>"
        "<p>The office keeps the official list of visitors' names and phone numbers for five days.</p>",
        encoding="utf-8",
    )
    subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}",
         "--no-pdf-header-footer", f"--print-to-pdf={out}", page.as_uri()],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    text = text_of(out)
    assert "本系统使用人脸识别核验访客身份，面向公众开放，任何人都可以预约参观。" in text.replace("\n", "")
    assert "数据存放在自有机房，不会传输到境外，识别结果" in text
    assert text.startswith("访客系统\n") and "office" in text and "official" in text and "five" in text
    found = {item.fact: item for item in draft(text)}
    assert {"audience", "biometrics", "personal_data", "hosting"} <= set(found)


# --- as it was meant ---


@pytest.mark.parametrize(
    ("set_in_type", "meant"),
    [
        ("⽤⼈脸识别核验⾝份", "用人脸识别核验身份"),
        ("⻓⻚⻅⻉⻋⻔⻛⻢⻥⻦", "长页见贝车门风马鱼鸟"),
        ("The oﬃce ﬁles the diﬀerence", "The office files the difference"),
        ("系 统 面 向 公 众 开 放 ， 不 收 费 。", "系统面向公众开放，不收费。"),
        (
            "系统概述\n本系统使用人脸识别核验访客身份并由人\n工确认",
            "系统概述\n本系统使用人脸识别核验访客身份并由人工确认",
        ),
        ("It runs on\nour own servers", "It runs on\nour own servers"),
        ("姓名 电话\n本系统读取访客的姓名和电话号码", "姓名 电话\n本系统读取访客的姓名和电话号码"),
        ("a\x00b\xadc\u200bd\r\n", "abcd"),
        ("\ue001\ue002\ue003\ue004 a", ""),
        ("\x01\x02 \n", ""),
    ],
)
def test_what_type_setting_did_is_undone(set_in_type: str, meant: str) -> None:
    assert pdf.plain(set_in_type) == meant


@given(
    st.text("系统使用人脸识别核验访客身份面向公众开放数据存放在自有机房", min_size=1, max_size=200), st.integers(8, 40)
)
def test_wrapped_chinese_is_one_line_again(text: str, width: int) -> None:
    lines = textwrap.wrap(text, width)
    assert pdf.plain("\n".join(lines)) == text


def test_the_tables_of_radicals_fit() -> None:
    assert pdf.plain("".join(map(chr, range(0x2F00, 0x2FD6)))).isprintable()
    assert all("\u4e00" <= char <= "\u9fff" for char in pdf.plain("".join(map(chr, range(0x2F00, 0x2FD6)))))


# --- what is refused ---


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: pdfs.pages([None, None]), "no_text"),
        (lambda: encrypted("secret", "secret"), "locked"),
        (lambda: pdfs.pages(["a"] * (pdf.MAX_PAGES + 1)), "too_large"),
        (lambda: pdfs.page_tree_in_a_circle(), "bad_pdf"),
        (lambda: pdfs.page_tree_that_doubles(40), "too_large"),
        (lambda: pdfs.forms_that_double(40), "no_text"),
        (lambda: pdfs.in_object_stream(64 << 20), "too_large"),
        (lambda: pdfs.one_page(pdfs.stream(b" " * (64 << 20))), "too_large"),
        (lambda: pdfs.one_page(pdfs.stream(b"BT " + b"[" * 3_000_000)), "no_text"),
        (lambda: b"%PDF-1.7\n" + random.Random(1).randbytes(5 << 20), "bad_pdf"),
        (lambda: b"%PDF-1.7\n" + b"1 0 obj\n" * 600_000 + b"startxref\n0\n%%EOF", "bad_pdf"),
        (lambda: b"%PDF-1.7\n1 0 obj\n" + b"<</a" * 1_200_000 + b"\nstartxref\n9\n%%EOF", "bad_pdf"),
        (lambda: b"%PDF-1.7\n" + b"xref\n0 1\n" * 500_000 + b"startxref\n9\n%%EOF", "bad_pdf"),
        (lambda: pdfs.pages([ENGLISH])[:900], "bad_pdf"),
        (lambda: b"%PDF-1.7\n1 0 obj", "bad_pdf"),
        (lambda: b"%PDF-" + b" " * readers.MAX_PDF, "too_large"),
    ],
    ids=[
        "scan", "password", "pages", "circle", "doubling-tree", "doubling-forms", "object-stream", "content-stream",
        "nested-content", "garbage", "many-objects", "nested-objects", "many-tables", "cut", "head", "large",
    ],
)  # fmt: skip
def test_it_is_refused_in_time(tmp_path: Path, make: Callable[[], bytes], code: str) -> None:
    assert refused(saved(tmp_path, make())).code == code


def test_a_scan_says_what_to_do(tmp_path: Path) -> None:
    error = refused(saved(tmp_path, pdfs.pages([None])))
    assert error.message.en.startswith("there is no text in it") and error.remedy is not None
    assert error.remedy.en == "run OCR or paste the text" and "文字识别" in error.remedy.zh


def test_a_slow_pdf_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = b"<< /Type /Page /MediaBox [0 0 9 9] /Contents 3 0 R /Resources << /Font << /F1 4 0 R >> >> >>"
    objects: pdfs.Objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Count 250 /Kids [%s] >>" % b" ".join(b"%d 0 R" % at for at in range(5, 255)),
        3: pdfs.stream(b"BT /F1 9 Tf () Tj ET " * 30_000),
        4: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        **dict.fromkeys(range(5, 255), slow),
    }
    monkeypatch.setattr(pdf, "MAX_SECONDS", 2)
    assert refused(saved(tmp_path, pdfs.whole(objects))).code == "too_slow"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=6), st.booleans())
def test_a_damaged_pdf_is_answered_never_a_crash(place: int, noise: bytes, cut: bool) -> None:
    data = pdfs.pages([ENGLISH, CHINESE])
    place %= len(data)
    answer = pdf_worker.extract(data[:place] + noise + (b"" if cut else data[place + len(noise) :]), 1_000)
    assert answer.keys() & {"pages", "refused"}


def test_the_command_refuses_without_a_traceback(tmp_path: Path, steelyard: Run) -> None:
    path = saved(tmp_path, encrypted("secret", "secret"))
    for lang, word in (("en", "password"), ("zh", "密码")):
        done = steelyard("intake", "draft", "--from", path, "--lang", lang)
        assert done.returncode == 2 and word in done.stderr and "Traceback" not in done.stderr and not done.stdout


def test_without_pypdf_it_says_what_to_install(tmp_path: Path) -> None:
    path = saved(tmp_path, pdfs.pages([ENGLISH]))
    code = (
        "import sys\nsys.modules['pypdf'] = None\nfrom steelyard.cli.main import main\n"
        f"sys.exit(main(['intake', 'draft', '--from', {str(path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 3 and "steelyard[intake]" in done.stderr and "Traceback" not in done.stderr
