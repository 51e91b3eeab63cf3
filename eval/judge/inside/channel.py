"""Messages over a stream socket: JSON texts in frames, never code."""

import json

STDIN, STDOUT, STDERR, CHANNEL = 0, 1, 2, 3  # descriptors of a cell's child; messages go over CHANNEL
FRAME_BYTES = 64 << 20
PART_BYTES = 1 << 16  # one system call brings a small message
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
        self.sock = sock
        self.arrived, self.text = bytearray(), bytearray()  # no whole frame yet; the frames of a message so far
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
        """Wait for the next message; Closed and Malformed as below."""
        while (message := self.next(limit)) is None:
            if not self.fill():
                raise Closed("nothing has arrived")
        return message

    def fill(self):
        """Take what has arrived, once, and return how many bytes; none only if the socket does not block. Closed at the
        end of the stream.
        """
        try:
            part = self.sock.recv(PART_BYTES)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Closed(str(error)) from None
        if not part:
            raise Closed("end of stream")
        self.arrived += part
        return len(part)

    def next(self, limit=None):
        """The next message of what has arrived, decoded, or None if it is incomplete; Malformed where the bytes are no
        message or more than `limit` (without one only memory limits them).
        """
        more = True
        while more:
            if len(self.arrived) < 4:
                return None
            size = int.from_bytes(self.arrived[:4], "big")
            more, size = bool(size & MORE), size & ~MORE
            if not 0 < size <= FRAME_BYTES or (limit and len(self.text) + size > limit):
                raise Malformed(f"a frame of {size} bytes")
            if len(self.arrived) < 4 + size:
                return None
            self.text += self.arrived[4 : 4 + size]
            del self.arrived[: 4 + size]
        text, self.text = self.text, bytearray()
        try:
            message, end = self._scan(text.decode("ascii"))
        except (MemoryError, Malformed):
            raise
        except Exception as error:
            raise Malformed(f"no value ({type(error).__name__})") from None
        if end != len(text) or not isinstance(message, list) or not message:
            raise Malformed("a message of no known kind")
        return message
