"""The text in a packed field: base64 of zlib of a pickle that holds one text. Nothing is unpickled.

A pickle is a program that can do anything where it is run. This one is read as a list of its operations, and only those
are taken that name a text, or a dict with one text in it.
"""

from __future__ import annotations

import base64
import pickletools
import zlib

from data.reading import Dropped

MOST_BYTES = 1 << 29  # of unpacked tests
TEXTS = ("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
NEUTRAL = ("PROTO", "FRAME", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "STOP")
DICT_OF_ONE = (["EMPTY_DICT", "TEXT", "TEXT", "SETITEM"], ["MARK", "DICT", "TEXT", "TEXT", "SETITEM"])


def text_in(packed: str) -> str:
    """The text in a packed field; Dropped with the layer that is broken."""
    return text_of_pickle(unpacked(packed))


def unpacked(packed: str) -> bytes:
    """The bytes behind base64 and zlib; Dropped."""
    try:
        stream = zlib.decompressobj()
        raw = stream.decompress(base64.b64decode(packed, validate=True), MOST_BYTES)
    except (ValueError, zlib.error):
        raise Dropped("broken compression of the tests") from None
    if stream.unconsumed_tail:
        raise Dropped("tests too large")
    if not stream.eof:
        raise Dropped("broken compression of the tests")
    return raw


def text_of_pickle(raw: bytes) -> str:
    """The one text that a pickle holds, alone or as a dict's only value; Dropped where there is anything else in it."""
    names, texts = [], []
    try:
        for operation, argument, _ in pickletools.genops(raw):
            if operation.name in TEXTS:
                texts.append(argument)
                names.append("TEXT")
            elif operation.name not in NEUTRAL:
                names.append(operation.name)
            if len(names) > 5:
                break
    except (ValueError, OverflowError, IndexError):  # cut short, or no pickle at all
        names = []
    if names != ["TEXT"] and names not in DICT_OF_ONE:
        raise Dropped("tests are packed in an unknown way")
    return texts[-1]
