"""Counts and draws the pages of one document; the parent is `sandbox`. Only this file parses what others wrote.

    python -m data.document_pipeline.child '{"size": …, "memory": …, "walk": …}'

It has limits of memory and time and no credentials, and it opens no file: the parent answers its reads. Questions and
answers are lines of JSON on standard input and output: {"count": true} → {"pages", "truncated"}; {"draw": page, …} →
{"length"} and the PNG. {"read": [offset, length]} asks the parent for bytes; {"refused"} and {"failed"} are reasons.
"""

import contextlib
import io
import json
import math
import os
import resource
import sys
import time
from collections import OrderedDict
from typing import Any, BinaryIO

BLOCK = 4 * 1024 * 1024
BLOCKS = 16
TAIL = 1024
"""Bytes at both ends of a file in which PDF readers look for its marks."""


class Refused(Exception):
    """The document cannot be processed, for a one-word reason."""


class Failed(Exception):
    """A page cannot be drawn, for a one-word reason."""


class Remote(io.RawIOBase):
    """The document, read in blocks through the parent."""

    def __init__(self, size: int, questions: BinaryIO, answers: BinaryIO) -> None:
        self.size, self._in, self._out = size, questions, answers
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def stream(self, buffer: int = 65536) -> io.BufferedReader:
        """Return a stream with a position of its own, on the same blocks."""
        twin = Remote(self.size, self._in, self._out)
        twin._blocks = self._blocks
        return io.BufferedReader(twin, buffer)

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move. Return the position."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, up to the end of a block. Return the number of bytes."""
        wanted = min(len(buffer), self.size - self._at)
        if wanted <= 0:
            return 0
        number, begin = divmod(self._at, BLOCK)
        part = self._block(number)[begin : begin + wanted]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            length = min(BLOCK, self.size - number * BLOCK)
            say(self._out, {"read": [number * BLOCK, length]})
            block = self._in.read(length)
            if len(block) != length:
                raise EOFError("The parent is gone.")
            self._blocks[number] = block
            if len(self._blocks) > BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]


class Pdf:
    """A PDF file: pypdf walks its pages and decides their number, PDFium draws them."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._drawing: Any = None
        self._walking: Any = None

    def count(self, walk: bool) -> dict[str, Any]:
        """Return the number of pages. Raise Refused.

        The declared number can be wrong in both directions, so the pages are walked; `walk` is false after a walk
        that took too long.
        """
        if b"%PDF-" not in self._part(0):
            raise Refused("not_a_pdf")
        declared, walked = self._declared(), self._walked() if walk else None
        truncated = b"%%EOF" not in self._part(self._remote.size - TAIL)
        if declared is None and walked is None:
            raise Refused("truncated" if truncated else "unreadable")
        pages = walked or declared
        if not pages or pages < 1:
            raise Refused("no_pages")
        return {"pages": pages, "truncated": truncated}

    def draw(self, draw: int, pages: int, dpi: float, least: float, pixels: int, side: int) -> bytes:
        """Return a page as PNG, with fewer dots per inch if it would be too large. Raise Failed, Refused."""
        page = self._page(draw - 1, pages)
        width, height = page.get_size()
        scale = fitting(width, height, dpi, pixels, side)
        if scale * 72 < least:
            raise Failed("page_too_large")
        bitmap = page.render(scale=scale)
        out = io.BytesIO()
        resolution = round(scale * 72, 2)
        bitmap.to_pil().convert("RGB").save(out, "PNG", dpi=(resolution, resolution))
        bitmap.close()
        page.close()
        return out.getvalue()

    def _page(self, index: int, pages: int) -> Any:
        """Return a page of PDFium; taken out by pypdf where PDFium does not find all pages. Raise Failed."""
        import pypdf
        import pypdfium2

        if self._declared() == pages:
            with contextlib.suppress(pypdfium2.PdfiumError):
                return self._drawing[index]
        try:
            alone, out = pypdf.PdfWriter(), io.BytesIO()
            alone.add_page(self._pypdf().pages[index])
            alone.write(out)
            return pypdfium2.PdfDocument(out.getvalue())[0]
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - whatever is wrong with it: neither library has this page
            raise Failed("page_missing") from None

    def _declared(self) -> int | None:
        """Return the number of pages by PDFium, None if it cannot read the file. Raise Refused without its password."""
        if self._drawing is None:
            import pypdfium2

            try:
                self._drawing = pypdfium2.PdfDocument(self._remote.stream())
                self._drawing.init_forms()
            except pypdfium2.PdfiumError as error:
                if "password" in str(error).lower():
                    raise Refused("password_required") from None
        return None if self._drawing is None else len(self._drawing)

    def _walked(self) -> int | None:
        """Return the number of pages by pypdf, None if it cannot walk them."""
        try:
            return len(self._pypdf().pages)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - pypdf raises anything for files that PDFium still reads
            return None

    def _pypdf(self) -> Any:
        if self._walking is None:
            import pypdf

            self._walking = pypdf.PdfReader(self._remote.stream())
        return self._walking

    def _part(self, offset: int) -> bytes:
        stream = self._remote.stream(TAIL)
        stream.seek(max(0, offset))
        return stream.read(TAIL)


def fitting(width: float, height: float, dpi: float, pixels: int, side: int) -> float:
    """Return the scale (1 is 72 dots per inch) at which a page keeps both limits once its sides are rounded up."""
    if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
        raise Failed("page_without_size")
    scale = min(dpi / 72, side / max(width, height))
    if math.ceil(width * scale) * math.ceil(height * scale) > pixels:
        scale = min(scale, math.sqrt(pixels / (width * height)))
        # Rounding up adds less than one row and one column.
        while scale > 0 and math.ceil(width * scale) * math.ceil(height * scale) > pixels:
            scale *= 0.99
    return scale


def say(out: BinaryIO, answer: dict[str, Any], body: bytes = b"") -> None:
    """Write an answer, and the bytes that belong to it."""
    out.write(json.dumps(answer).encode() + b"\n" + body)
    out.flush()


def limit(memory: int) -> None:
    """Limit this process: its memory in bytes, no file that it could write, no core dump."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def allow(seconds: int) -> None:
    """Let this process compute for so many seconds more: then the kernel ends it, however busy the machine is."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + seconds, most))


def serve(questions: BinaryIO, out: BinaryIO, size: int) -> None:
    """Answer questions until there are none."""
    pdf = Pdf(Remote(size, questions, out))
    while line := questions.readline():
        asked = json.loads(line)
        allow(asked.pop("seconds"))
        try:
            if "count" in asked:
                say(out, pdf.count(asked["walk"]))
            else:
                image = pdf.draw(**asked)
                say(out, {"length": len(image)}, image)
        except Refused as error:
            say(out, {"refused": str(error)})
        except Failed as error:
            say(out, {"failed": str(error)})
        except MemoryError:
            say(out, {"died": "memory"})
            return
        except Exception as error:  # noqa: BLE001 - a document's fault, whatever it is
            say(out, {"failed": "unreadable", "detail": f"{type(error).__name__}: {error}"[:200]})


def main() -> None:
    """Run with the arguments of the command line."""
    given = json.loads(sys.argv[1])
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    import PIL.Image
    import pypdfium2

    _ = PIL.Image, pypdfium2  # before the limits, so that their bytecode can be kept
    if given["walk"]:
        import pypdf

        _ = pypdf
    limit(given["memory"])
    serve(sys.stdin.buffer, out, given["size"])


if __name__ == "__main__":
    main()
