"""The text of a PDF, page by page. Runs as a program of its own, so that a hostile file harms nothing but it.

It reads the file from standard input and answers one JSON object: `{"pages": [text or null]}`, null for a page that
cannot be read, or `{"refused": why}` with why one of `pages`, `locked`, `damaged`, `size`. Enforced here: how many
pages, how far one stream unpacks, how much text there is, and how much memory the process takes (where the system can
hold it to that). `drafting.pdf` starts it and stops it when it takes too long.
"""

import json
import logging
import sys
from io import BytesIO
from typing import Any

MAX_PAGES = 300
MAX_STREAM = 32 * 1024 * 1024
MAX_MEMORY = 1024**3
MAX_SECONDS = 8


def hold(memory: int = MAX_MEMORY, seconds: int = MAX_SECONDS) -> None:
    """Takes no more memory and processor time than this; Windows knows no such limit."""
    try:
        import resource
    except ImportError:
        return
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds + 1), (resource.RLIMIT_CORE, 0)):
        try:
            _, hard = resource.getrlimit(kind)
            soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (soft, hard))
        except (OSError, ValueError):
            continue


def bound_streams() -> None:
    """Bounds what one stream unpacks to; releases of pypdf that cannot are held by the memory limit alone."""
    import pypdf

    overwrite = getattr(pypdf, "overwrite_configuration", None)
    if overwrite is None:
        return
    kinds = ("zlib", "lzw", "run_length", "array_based_stream")
    overwrite(**{f"{kind}_maximum_output_length": MAX_STREAM for kind in kinds})


def extract(data: bytes, most: int) -> dict[str, Any]:
    """The answer for a file; more than `most` characters are too much."""
    from pypdf import PdfReader

    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return {"refused": "locked"}
        count = len(reader.pages)
    except Exception as error:
        if isinstance(error, MemoryError) or type(error).__name__ == "LimitReachedError":
            return {"refused": "size"}
        return {"refused": "locked" if b"/Encrypt" in data else "damaged"}
    if count == 0:
        return {"refused": "damaged"}
    if count > MAX_PAGES:
        return {"refused": "pages", "count": count}
    pages: list[str | None] = []
    for number in range(count):
        try:
            text = reader.pages[number].extract_text()
        except Exception as error:
            if isinstance(error, MemoryError) or type(error).__name__ == "LimitReachedError":
                return {"refused": "size"}
            pages.append(None)
            continue
        pages.append(text)
        most -= len(text)
        if most < 0:
            return {"refused": "size"}
    return {"pages": pages}


def main() -> None:
    """Reads, answers."""
    hold()
    logging.disable(logging.CRITICAL)
    try:
        bound_streams()
        answer = extract(sys.stdin.buffer.read(), int(sys.argv[1]))
    except MemoryError:
        answer = {"refused": "size"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
