"""Messages over a stream socket: JSON texts in frames, never code."""

import json

STDIN, STDOUT, STDERR, CHANNEL = 0, 1, 2, 3  # descriptors of a cell's child; messages go over CHANNEL
FRAME_BYTES = 64 << 20
MORE = 1 << 31  # in the length of a frame: the message continues in the next one
# The C encoder itself: `JSONEncoder.encode` would build it anew for every message.
_encoder = json.encoder.c_make_encoder(
    None, None, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True
)


class Closed(Exception):
    """The other end is gone."""


class Malformed(Exception):
    """The other end sent no frame, or a value that this protocol does not know."""


class Channel:
    """A frame is four bytes of length (big endian) and ASCII text; a long message is several frames."""

    def __init__(self, sock, hook=None):
        self.sock, self.rest = sock, b""
        self._scan = json.JSONDecoder(object_hook=hook).raw_decode

    def send(self, message):
        """Send one JSON-able list; Closed if nobody listens."""
        data = "".join(_encoder(message, 0)).encode("ascii")
        try:
            while len(data) > FRAME_BYTES:
                self.sock.sendall((FRAME_BYTES | MORE).to_bytes(4, "big") + data[:FRAME_BYTES])
                data = data[FRAME_BYTES:]
            self.sock.sendall(len(data).to_bytes(4, "big") + data)
        except OSError as error:
            raise Closed(str(error)) from None

    def receive(self, limit=None):
        """The next message, decoded; Closed at the end of the stream, Malformed where the bytes are no message or more
        than `limit` (without one only memory limits them).
        """
        text = bytearray()
        more = True
        while more:
            size = int.from_bytes(self._take(4), "big")
            more, size = bool(size & MORE), size & ~MORE
            if size > FRAME_BYTES or (limit and len(text) + size > limit):
                raise Malformed(f"a frame of {size} bytes")
            text += self._take(size)
        try:
            message, end = self._scan(text.decode("ascii"))
        except (MemoryError, Malformed):
            raise
        except Exception as error:
            raise Malformed(f"no value ({type(error).__name__})") from None
        if end != len(text) or not isinstance(message, list) or not message:
            raise Malformed("a message of no known kind")
        return message

    def _take(self, size):
        """That many bytes; one system call brings a small message."""
        data = bytearray(self.rest)
        while len(data) < size:
            try:
                part = self.sock.recv(1 << 16)
            except OSError as error:
                raise Closed(str(error)) from None
            if not part:
                raise Closed("end of stream")
            data += part
        self.rest = data[size:]
        return data[:size]
