"""Whether an image file has its end: told by walking its blocks, so that nothing inside or behind it can pose as one.

Phones write foreign data behind a picture (motion photos, depth maps, padding), and a picture may hold another
(thumbnails); both are whole. Formats: PNG (W3C, 5.3), JPEG (ITU T.81, annex B), GIF89a, WebP (RIFF), BMP.
"""

from __future__ import annotations


def is_complete(data: bytes, media_type: str) -> bool:
    """Whether the file goes on to its own end marker; what stands behind it does not matter."""
    match media_type:
        case "image/png":
            return _png(data)
        case "image/jpeg":
            return _jpeg(data)
        case "image/gif":
            return _gif(data)
        case "image/webp":
            return len(data) >= 8 + int.from_bytes(data[4:8], "little")
        case _:
            return len(data) >= int.from_bytes(data[2:6], "little")


def _png(data: bytes) -> bool:
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"IEND":
            return end <= len(data)
        at = end
    return False


def _jpeg(data: bytes) -> bool:
    at = 2
    while 0 <= (at := data.find(b"\xff", at)) < len(data) - 1:
        kind = data[at + 1]
        if kind == 0xD9:
            return True
        if kind in (0x00, 0x01, 0xFF) or 0xD0 <= kind <= 0xD8:
            # A stuffed or fill byte, or a marker without a length (restarts inside a scan).
            at += 1 if kind == 0xFF else 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _gif(data: bytes) -> bool:
    at = 13 + _colours(data, 10)
    while at < len(data):
        match data[at]:
            case 0x3B:
                return True
            case 0x21:
                at = _blocks(data, at + 2)
            case 0x2C:
                at = _blocks(data, at + 11 + _colours(data, at + 9))
            case _:
                at += 1
    return False


def _colours(data: bytes, at: int) -> int:
    """Bytes of the colour table that the flags at `at` announce."""
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks(data: bytes, at: int) -> int:
    """The place behind a row of sub-blocks, or the file's end where it is cut."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
