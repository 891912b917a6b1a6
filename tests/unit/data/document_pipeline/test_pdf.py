"""Real PDF files in real processes with limits: their pages are counted and drawn, and what is wrong has a name."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data.document_pipeline import child, sandbox
from data.document_pipeline.errors import DocumentRefused, PageFailed, Unavailable
from data.document_pipeline.settings import Settings
from local.settings import ROOT
from scenarios import pdfs
from tests.unit.data.document_pipeline.world import Bytes


def config(**more: Any) -> Settings:
    return Settings("b", "1", "k", "t", **more)


def opened(content: bytes, read: Callable[[int, int], bytes] | None = None, **more: Any) -> sandbox.Sandbox:
    return sandbox.Sandbox(
        read or (lambda offset, length: content[offset : offset + length]), len(content), config(**more)
    )


def images(content: bytes, **more: Any) -> list[Any]:
    """Return the images of a document, or the reason of a page that failed."""
    found: list[Any] = []
    with opened(content, **more) as box:
        pages, _ = box.count()
        for page in range(1, pages + 1):
            try:
                found.append(Image.open(io.BytesIO(box.draw(page, pages))))
            except PageFailed as error:
                found.append(error.reason)
    return found


def colours(found: list[Any]) -> list[Any]:
    return [image if isinstance(image, str) else image.getpixel((5, 5)) for image in found]


def here(content: bytes, **more: Any) -> tuple[Any, list[Any]]:
    """Return the number of pages, or the refusal, and the pages' colours or reasons, without a process."""
    pdf, config_ = child.Pdf(Bytes(content)), config(**more)
    try:
        pages = pdf.count(walk=True)["pages"]
    except child.Refused as error:
        return str(error), []
    found: list[Any] = []
    for page in range(1, pages + 1):
        try:
            found.append(Image.open(io.BytesIO(pdf.draw(
                page, pages, config_.dpi, config_.minimum_dpi, config_.maximum_pixels, config_.maximum_side
            ))))  # fmt: skip
        except child.Failed as error:
            found.append(str(error))
    return pages, colours(found)


def test_each_page_becomes_an_image_of_its_own() -> None:
    wanted = pdfs.colours(4)
    found = images(pdfs.document(wanted))
    assert colours(found) == wanted
    assert {image.size for image in found} == {(150, 150)}
    assert {round(image.info["dpi"][0]) for image in found} == {150}


@pytest.mark.parametrize(("declared", "real"), [(5, 1), (1, 2), (0, 2), (1_000_000_000, 1)])
def test_what_the_file_declares_is_not_believed(declared: int, real: int) -> None:
    """Field row D1: the pages are walked once, and a page that PDFium does not find is taken out by pypdf."""
    wanted = pdfs.colours(real)
    assert here(pdfs.document(wanted, count=declared)) == (real, wanted)


def test_a_page_that_no_library_has_fails_and_the_others_are_drawn() -> None:
    kids = b"<< /Type /Pages /Count 3 /Kids [2 0 R 3 0 R] >>"  # it is its own child
    looped = pdfs.file(
        [b"<< /Type /Catalog /Pages 2 0 R >>", kids, b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 72 72] >>"]
    )
    pages, found = here(looped)
    assert len(found) == pages
    assert (255, 255, 255) in found
    assert set(found) <= {(255, 255, 255), "page_missing"}


def test_a_huge_page_box_fails_and_the_others_are_drawn() -> None:
    """Field row D3: pixels are worked out before anything is drawn."""
    wanted = pdfs.colours(4)
    boxes = [b"[0 0 200000 200000]", b"[0 0 2 14400000]"]
    pages, found = here(pdfs.document(wanted, boxes=boxes))
    assert found[:2] == ["page_too_large", "page_too_large"]
    assert found[2:] == wanted[2:]
    assert pages == 4


def test_a_large_page_gets_fewer_dots() -> None:
    pdf = child.Pdf(Bytes(pdfs.document([pdfs.RED], boxes=[b"[0 0 4320 2160]"])))
    image = Image.open(io.BytesIO(pdf.draw(1, 1, 150, 36, 8_000_000, 20_000)))
    assert image.size[0] * image.size[1] <= 8_000_000
    assert 36 <= image.info["dpi"][0] < 150


@settings(max_examples=80)
@given(st.floats(0.01, 2e7), st.floats(0.01, 2e7), st.integers(1, 1200), st.integers(1, 10**8), st.integers(1, 50_000))
def test_no_scale_exceeds_the_limits(width: float, height: float, dpi: int, pixels: int, side: int) -> None:
    import math

    scale = child.fitting(width, height, dpi, pixels, side)
    drawn = math.ceil(width * scale) * math.ceil(height * scale)
    assert scale <= dpi / 72
    assert drawn <= pixels
    assert max(width, height) * scale <= side * 1.000001


@pytest.mark.parametrize("size", [(0.0, 5.0), (5.0, -1.0), (float("nan"), 5.0), (float("inf"), 5.0)])
def test_a_page_without_a_size_fails(size: tuple[float, float]) -> None:
    with pytest.raises(child.Failed, match="page_without_size"):
        child.fitting(*size, 150, 40_000_000, 20_000)


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_an_empty_password_opens_and_another_one_is_required(algorithm: str) -> None:
    """Field row D4."""
    plain = pdfs.document([pdfs.RED])
    assert here(pdfs.encrypted(plain, "", algorithm)) == (1, [pdfs.RED])
    assert here(pdfs.encrypted(plain, "x", algorithm)) == ("password_required", [])


def test_the_layer_has_what_aes_needs() -> None:
    pinned = (ROOT / "requirements/layer-documents.txt").read_text("utf-8")
    assert all(f"\n{name}==" in pinned for name in ("cryptography", "pillow", "pypdf", "pypdfium2"))
    assert (ROOT / "lambda_src/data/document_pipeline/layers.txt").read_text("utf-8") == "documents\n"


def broken() -> dict[str, tuple[bytes, str]]:
    whole = pdfs.document(pdfs.colours(3))
    return {
        "text": (b"Dear reader", "not_a_pdf"),
        "one byte": (b"%", "not_a_pdf"),
        "a header alone": (b"%PDF-1.7\n%%EOF", "unreadable"),
        "cut": (whole[:-300], "truncated"),
        "cut to its header": (whole[:20], "truncated"),
        "no pages": (pdfs.document([]), "no_pages"),
        "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "not_a_pdf"),
    }


@pytest.mark.parametrize("name", broken())
def test_what_cannot_be_read_has_a_reason(name: str) -> None:
    content, reason = broken()[name]
    assert here(content) == (reason, [])


def test_a_file_whose_end_is_missing_is_read_and_says_so() -> None:
    whole = pdfs.document(pdfs.colours(2))
    assert child.Pdf(Bytes(whole)).count(walk=True) == {"pages": 2, "truncated": False}
    assert child.Pdf(Bytes(whole.removesuffix(b"%%EOF\n"))).count(walk=True) == {"pages": 2, "truncated": True}


def test_scripts_do_not_run() -> None:
    assert here(pdfs.document([pdfs.RED], catalog=pdfs.SCRIPT)) == (1, [pdfs.RED])


def test_ten_thousand_pages_are_counted_and_the_last_is_drawn() -> None:
    wanted = pdfs.colours(10_000)
    pdf = child.Pdf(Bytes(pdfs.document(wanted)))
    assert pdf.count(walk=True)["pages"] == 10_000
    image = Image.open(io.BytesIO(pdf.draw(10_000, 10_000, 150, 36, 40_000_000, 20_000)))
    assert image.getpixel((5, 5)) == wanted[-1]


def test_a_page_that_takes_too_long_fails_and_the_next_has_a_new_process() -> None:
    with opened(pdfs.endless(), page_seconds=1) as box:
        with pytest.raises(PageFailed) as caught:
            box.draw(1, 1)
        assert caught.value.reason == "page_timeout"
    with opened(pdfs.document([pdfs.RED])) as box:
        box.draw(1, 1)
        assert box._process
        box._process.kill()  # as the kernel does when memory is short
        with pytest.raises(PageFailed, match="ended the process"):
            box.draw(1, 1)
        assert Image.open(io.BytesIO(box.draw(1, 1))).getpixel((5, 5)) == pdfs.RED
        assert box.started == 2


def test_a_bomb_ends_its_process_and_not_the_function() -> None:
    """A megabyte in the file is more than the process may have once it is unpacked."""
    with opened(pdfs.bomb(500_000_000), memory_mib=400) as box:
        assert box.count() == (1, False)
        try:
            size: Any = Image.open(io.BytesIO(box.draw(1, 1))).size
        except PageFailed as error:
            size = error.reason
    assert size in ((150, 150), "page_memory", "page_crash")  # PDFium may leave out what it cannot unpack


def test_a_document_whose_counting_ends_the_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(pdfs.document([pdfs.RED])) as box:
        monkeypatch.setattr(box, "_ask", _died)
        with pytest.raises(DocumentRefused) as caught:
            box.count()
    assert caught.value.reason == "too_complex"


def _died(*_: Any) -> Any:
    raise sandbox.Died("timeout")


def test_a_walk_that_takes_too_long_gives_way_to_the_declared_number(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def ask(question: dict[str, Any], seconds: float) -> Any:
        asked.append(question["walk"])
        if question["walk"]:
            raise sandbox.Died("memory")
        return {"pages": 7, "truncated": False}, b""

    with opened(b"x") as box:
        monkeypatch.setattr(box, "_ask", ask)
        assert box.count() == (7, False)
    assert asked == [True, False]


def test_a_read_that_fails_is_not_the_documents_fault() -> None:
    def read(offset: int, length: int) -> bytes:
        raise Unavailable("SlowDown")

    with opened(pdfs.document([pdfs.RED]), read) as box:
        with pytest.raises(Unavailable):
            box.count()
        assert box._process is None


def test_a_document_is_read_in_blocks_each_once() -> None:
    content = pdfs.document(pdfs.colours(3), padding=3 * child.BLOCK)
    reads: list[tuple[int, int]] = []

    def read(offset: int, length: int) -> bytes:
        reads.append((offset, length))
        return content[offset : offset + length]

    with opened(content, read) as box:
        pages, _ = box.count()
        assert [len(box.draw(page, pages)) > 0 for page in range(1, pages + 1)] == [True] * 3
    assert len(reads) == len(set(reads))
    assert sum(length for _, length in reads) < len(content)  # the blocks that nothing uses are not read


def test_the_process_has_no_credentials_and_cannot_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-function")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-the-function")
    with opened(pdfs.document([pdfs.RED])) as box:
        box.draw(1, 1)
        assert box._process
        folder = Path(f"/proc/{box._process.pid}")
        given_ = dict(line.split("=", 1) for line in (folder / "environ").read_text().split("\0") if "=" in line)
        assert not [name for name in given_ if name.startswith("AWS_")]
        limits = (folder / "limits").read_text().splitlines()
        row = {line[:26].strip(): line[26:].split() for line in limits}
        assert row["Max file size"][:2] == ["0", "0"]
        assert row["Max address space"][0] == str(1536 * 1024 * 1024)


@pytest.mark.parametrize(
    "answer", [b"", b"no json\n", b"[]\n", b'{"read": [0, 9999999]}\n', b'{"read": [-5, 2]}\n', b'{"length": 9e99}\n',
               b'{"length": 50}\nshort', b'{"length": -1}\n', b'{"read": "x"}\n', b"x" * 10_000]
)  # fmt: skip
def test_a_process_that_says_nonsense_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: bytes) -> None:
    """What a document has taken over must not harm the parent."""
    script = tmp_path / "python"
    (tmp_path / "answer").write_bytes(answer)
    script.write_text(f"#!/bin/sh\nread line\ncat {tmp_path}/answer\n")
    script.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(script))
    with opened(pdfs.document([pdfs.RED])) as box:
        with pytest.raises(PageFailed) as caught:
            box.draw(1, 1)
        assert caught.value.reason == "page_crash"
        assert box._process is None
