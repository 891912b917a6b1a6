"""Find images that have the colours of a mask.

Params: {"mask": key, "tolerance": 30, "threshold": 40, "minimum": 0.1}. A pixel of the mask counts if one of its
colours is above `threshold` (0-255). It matches if no colour of the image differs by more than `tolerance` there. The
score is the share of the mask's pixels that match; below `minimum` there is no match. This is the principle of the
colour depth search of microscopy images. It needs Pillow, which is in a layer of its own.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops

MAX_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")


@dataclass(frozen=True)
class Mask:
    """The mask, where it counts, and how many pixels that are."""

    image: Image.Image
    counts: Image.Image
    pixels: int
    tolerance: int
    minimum: float


def prepare(params: dict[str, Any], read: Callable[[str], bytes]) -> Mask:
    """Read the mask. Raise ValueError."""
    if unknown := sorted(set(params) - {"mask", "tolerance", "threshold", "minimum"}):
        raise ValueError(f"unknown params: {', '.join(unknown)}.")
    key = params.get("mask")
    if not isinstance(key, str) or not key:
        raise ValueError('"mask" must be the key of an image.')
    tolerance, threshold = _level(params, "tolerance", 30), _level(params, "threshold", 40)
    minimum = params.get("minimum", 0.1)
    if isinstance(minimum, bool) or not isinstance(minimum, (int, float)) or not 0 <= minimum <= 1:
        raise ValueError('"minimum" must be a number from 0 to 1.')
    image = _opened(read(key))
    counts = _brightest(image).point(lambda level: 255 if level > threshold else 0)
    pixels = counts.histogram()[255]
    if not pixels:
        raise ValueError(f"the mask has no pixel above the threshold {threshold}.")
    return Mask(image, counts, pixels, tolerance, float(minimum))


def search(mask: Mask, key: str, body: bytes) -> Iterator[tuple[float, dict[str, Any]]]:  # noqa: ARG001 - the contract
    """Yield the image's score. Raise ValueError for what is not an image of the mask's size."""
    image = _opened(body)
    if image.size != mask.image.size:
        raise ValueError(
            f"{image.width} x {image.height} pixels; the mask has {mask.image.width} x {mask.image.height}"
        )
    near = _brightest(ImageChops.difference(image, mask.image)).point(lambda d: 255 if d <= mask.tolerance else 0)
    matching = ImageChops.darker(near, mask.counts).histogram()[255]
    score = matching / mask.pixels
    if score >= mask.minimum:
        yield score, {"pixels": matching, "of": mask.pixels}


def _level(params: dict[str, Any], name: str, default: int) -> int:
    value = params.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 254:
        raise ValueError(f'"{name}" must be a whole number from 0 to 254.')
    return value


def _opened(body: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(body), formats=_FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"more than {MAX_PIXELS:,} pixels")
        return image.convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"not an image: {error}") from None


def _brightest(image: Image.Image) -> Image.Image:
    """Return the highest of the three colours of each pixel."""
    red, green, blue = image.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)
