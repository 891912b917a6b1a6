"""PDF files for scenarios and tests, written by hand: pages of one colour each, and files that are wrong on purpose."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence

SIDE = 72
Colour = tuple[int, int, int]
RED: Colour = (255, 0, 0)


def file(objects: Sequence[bytes], header: bytes = b"%PDF-1.7\n") -> bytes:
    """Return a file of objects 1, 2, …; object 1 is the catalog."""
    out, places = header, []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
        + table
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    )


def stream(content: bytes, more: bytes = b"") -> bytes:
    """Return an object with a stream."""
    return b"<< /Length %d %s >>\nstream\n" % (len(content), more) + content + b"\nendstream"


def document(
    colours: Sequence[Colour],
    *,
    count: int | None = None,
    boxes: Sequence[bytes] = (),
    catalog: bytes = b"",
    padding: int = 0,
) -> bytes:
    """Return a document with a page of each colour.

    `count` is the declared number of pages; `boxes` are media boxes by page; `catalog` is added to the catalog;
    `padding` is the size of a stream that nothing uses.
    """
    pages = len(colours)
    kids = b" ".join(b"%d 0 R" % (3 + 2 * index) for index in range(pages))
    declared = pages if count is None else count
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (declared, kids),
    ]
    for index, colour in enumerate(colours):
        box = boxes[index] if index < len(boxes) else b"[0 0 %d %d]" % (SIDE, SIDE)
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox %s /Contents %d 0 R >>" % (box, 4 + 2 * index))
        paint = " ".join(f"{part / 255:.4f}" for part in colour) + f" rg 0 0 {SIDE} {SIDE} re f"
        objects.append(stream(paint.encode()))
    if padding:
        objects.append(stream(b"\0" * padding))
    return file(objects)


def colours(pages: int, seed: int = 0) -> list[Colour]:
    """Return a colour for each page, all different."""
    return [((index * 7 + seed) % 200, index % 256, 40 + index // 256) for index in range(pages)]


def encrypted(plain: bytes, user: str, algorithm: str) -> bytes:
    """Return an encrypted document with the owner's password `o`."""
    import pypdf

    writer, out = pypdf.PdfWriter(clone_from=io.BytesIO(plain)), io.BytesIO()
    writer.encrypt(user_password=user, owner_password="o", algorithm=algorithm)
    writer.write(out)
    return out.getvalue()


def bomb(size: int = 600_000_000) -> bytes:
    """Return a document of one page whose image is small in the file and `size` bytes in memory."""
    packer, packed = zlib.compressobj(1), b""
    for _ in range(size // 1_000_000):
        packed += packer.compress(b"\0" * 1_000_000)
    packed += packer.flush()
    side = int((size / 3) ** 0.5)
    picture = stream(
        packed,
        b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 "
        b"/Filter /FlateDecode" % (side, side),
    )
    return _one_page(b"72 0 0 72 0 0 cm /X Do", b"/X 5 0 R", [picture])


def endless() -> bytes:
    """Return a document whose page draws forms within forms: 10 in each, 9 deep."""
    forms = [
        stream(
            b" ".join([b"/F Do"] * 10),
            b"/Type /XObject /Subtype /Form /BBox [0 0 72 72] /Resources << /XObject << /F %d 0 R >> >>" % (6 + level),
        )
        for level in range(9)
    ]
    last = stream(b"0 0 72 72 re f", b"/Type /XObject /Subtype /Form /BBox [0 0 72 72]")
    return _one_page(b"/F Do", b"/F 5 0 R", [*forms, last])


def _one_page(content: bytes, drawn: bytes, objects: Sequence[bytes]) -> bytes:
    """Return a document of one page that draws objects; these are 5, 6, …"""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 72 72] /Contents 4 0 R /Resources << /XObject << %s >> >> >>"
    pages = b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>"
    return file([b"<< /Type /Catalog /Pages 2 0 R >>", pages, page % drawn, stream(content), *objects])


SCRIPT = b"/OpenAction << /S /JavaScript /JS (app.alert\\(1\\); while \\(true\\) {}) >>"
