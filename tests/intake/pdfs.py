"""Small PDF files made byte by byte: readable ones in both languages, and hostile ones."""

import zlib
from collections.abc import Sequence

Objects = dict[int, bytes]


def stream(data: bytes, extra: bytes = b"", packed: bool = True) -> bytes:
    """A stream object, packed by Flate."""
    if packed:
        data, extra = zlib.compress(data, 9), b"/Filter /FlateDecode " + extra
    return b"<< /Length %d %s>>\nstream\n%s\nendstream" % (len(data), extra, data)


def whole(objects: Objects, trailer: bytes = b"") -> bytes:
    """A file of these objects; object 1 is the catalogue."""
    out, places = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", {}
    for number, body in sorted(objects.items()):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
    return out + b"trailer\n<< /Size %d /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)


def to_unicode(text: str) -> bytes:
    """A character map in which each code is the character itself."""
    codes = sorted({ord(char) for char in text if char != "\n"})
    lines = b"\n".join(b"<%04x> <%04x>" % (code, code) for code in codes)
    return (
        b"/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapType 2 def\n"
        b"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"
        b"%d beginbfchar\n%s\nendbfchar\nendcmap\nend\nend" % (len(codes), lines)
    )


def chinese_font(encoding: bytes, unicode_map: int | None) -> bytes:
    """A font of two-byte codes whose glyphs stand elsewhere."""
    mapped = b"/ToUnicode %d 0 R " % unicode_map if unicode_map else b""
    return (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /SimSun /Encoding /%s %s"
        b"/DescendantFonts [<< /Type /Font /Subtype /CIDFontType2 /BaseFont /SimSun /DW 1000 "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> >>] >>" % (encoding, mapped)
    )


def shown(text: str, encoding: str = "utf-16-be") -> bytes:
    """A content stream that shows a text line by line."""
    lines = b"".join(b"<%s> Tj T*\n" % line.encode(encoding).hex().encode() for line in text.split("\n"))
    return b"BT /F1 12 Tf 14 TL 72 720 Td\n" + lines + b"ET"


def pages(texts: Sequence[str | None], trailer: bytes = b"") -> bytes:
    """A PDF of one page a text, its characters mapped by ToUnicode; None makes a page that is a picture only."""
    objects: Objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        3: chinese_font(b"Identity-H", 4),
        4: stream(to_unicode("".join(text or "" for text in texts))),
        5: stream(
            b"\xff" * 64,
            b"/Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8 ",
        ),
    }
    kids = []
    for at, text in enumerate(texts):
        page, content = 6 + 2 * at, 7 + 2 * at
        kids.append(b"%d 0 R" % page)
        objects[page] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> /XObject << /I1 5 0 R >> >> >>" % content
        )
        objects[content] = stream(b"q 500 0 0 700 50 50 cm /I1 Do Q" if text is None else shown(text))
    objects[2] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(kids))
    return whole(objects, trailer)


def one_page(content: bytes, extra: Objects | None = None, resources: bytes = b"/Font << /F1 4 0 R >>") -> bytes:
    """A PDF of one page with this stream object as its content, in Helvetica."""
    return whole(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources << %s >> >>"
            % resources,
            4: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            5: content,
            **(extra or {}),
        }
    )


def in_object_stream(size: int) -> bytes:
    """A PDF whose catalogue lies in an object stream that unpacks to more than `size` bytes."""
    inside = b"1 0 << /Type /Catalog /Pages 2 0 R >>" + b" " * size
    packed = stream(inside, b"/Type /ObjStm /N 1 /First 4 ")
    head = b"%PDF-1.7\n"
    body = head + b"3 0 obj\n" + packed + b"\nendobj\n2 0 obj\n<< /Type /Pages /Count 0 /Kids [] >>\nendobj\n"
    second, start = body.index(b"2 0 obj"), len(body)
    rows = [(0, 0, 65535), (2, 3, 0), (1, second, 0), (1, len(head), 0), (1, start, 0)]
    table = b"".join(bytes([kind]) + place.to_bytes(4, "big") + index.to_bytes(2, "big") for kind, place, index in rows)
    table_object = stream(table, b"/Type /XRef /Size 5 /W [1 4 2] /Root 1 0 R ")
    return body + b"4 0 obj\n" + table_object + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % start


def page_tree_in_a_circle() -> bytes:
    """Pages that are their own children."""
    return whole(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Count 9 /Kids [3 0 R 3 0 R] >>",
            3: b"<< /Type /Pages /Count 9 /Parent 2 0 R /Kids [2 0 R 3 0 R] >>",
        }
    )


def page_tree_that_doubles(depth: int) -> bytes:
    """A page tree in which each level holds the next twice: 2**depth pages in a few hundred bytes."""
    objects: Objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>"}
    for level in range(2, depth + 2):
        objects[level] = b"<< /Type /Pages /Count 2 /Kids [%d 0 R %d 0 R] >>" % (level + 1, level + 1)
    objects[depth + 2] = b"<< /Type /Page /MediaBox [0 0 9 9] /Resources << >> >>"
    return whole(objects)


def forms_that_double(depth: int) -> bytes:
    """Form objects each of which shows the next twice."""
    extra: Objects = {}
    for level in range(6, 6 + depth):
        use = b"/Resources << /XObject << /X %d 0 R >> >> " % (level + 1)
        extra[level] = stream(b"/X Do /X Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] " + use)
    extra[6 + depth] = stream(b"BT (a) Tj ET", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] ")
    return one_page(stream(b"/X Do"), extra, b"/XObject << /X 6 0 R >>")
