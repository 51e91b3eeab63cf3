"""HTTP to one server that speaks OpenAI's API: JSON in, JSON out, over connections that are kept open.

The standard library's client: it takes a third of a millisecond of a core for a call, half of what the usual packages
take, and a server with short completions has to be kept busy.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from collections import deque
from urllib.parse import urlsplit

from utils.run.files import InputError
from utils.server_flags import KEY_VARIABLES

BUSY = (408, 425, 429)  # besides 5xx: refusals that may pass
MESSAGE_LENGTH = 300
KEEP_ALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}  # a machine that vanished is noticed


class Fault(Exception):
    """A call failed for a reason that may pass.

    `status` is HTTP's, 0 where there was no answer; `wait` is how many seconds the server asks for.
    """

    def __init__(self, reason: str, status: int = 0, wait: float = 0.0):
        super().__init__(reason)
        self.status, self.wait = status, wait


class Refused(Exception):
    """The server does not take this request, and will not take it later."""

    def __init__(self, status: int, message: str):
        super().__init__(f"{status} {message}")
        self.status = status


class Endpoint:
    """One server. Any thread may call; a call that has no answer after `seconds` is a fault."""

    def __init__(self, url: str, seconds: float):
        parts = urlsplit(url)
        self.url, self.seconds = url.rstrip("/"), seconds
        self.name = parts.netloc
        self.path = parts.path.rstrip("/")
        self.root = self.path.removesuffix("/v1")
        self.secure = parts.scheme == "https"
        self.idle: deque[http.client.HTTPConnection] = deque()
        self._key = next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), "")

    def get(self, path: str) -> dict | list:
        """The JSON at a path of the server, such as `{endpoint.path}/models`; Fault or Refused."""
        return self._call("GET", path, None)

    def post(self, path: str, body: dict) -> dict | list:
        """The server's JSON answer to a body; Fault or Refused."""
        return self._call("POST", path, json.dumps(body).encode())

    def _call(self, method: str, path: str, data: bytes | None) -> dict | list:
        headers = {"Content-Type": "application/json"} if data else {}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            response, content = self._exchange(method, path, data, headers)
        except TimeoutError:
            raise Fault(f"no answer within {self.seconds:.0f} s") from None
        except ssl.SSLCertVerificationError as error:
            raise InputError(f"--base_url {self.url}: its certificate is not trusted ({error.reason})") from None
        except (OSError, http.client.HTTPException) as error:
            raise Fault(_reason(error)) from None
        return self._read(response, content)

    def _exchange(self, method: str, path: str, data: bytes | None, headers: dict):
        """Response and content. Over a connection that the server has closed since, the call is made once more."""
        while True:
            try:
                connection, used = self.idle.pop(), True
            except IndexError:
                connection, used = self._connect(), False
            try:
                connection.request(method, path, data, headers)
                response = connection.getresponse()
                content = response.read()
            except (ConnectionError, http.client.RemoteDisconnected):
                connection.close()
                if not used:
                    raise
            except BaseException:
                connection.close()
                raise
            else:
                if not response.will_close:
                    self.idle.append(connection)
                return response, content

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = kind(self.name, timeout=self.seconds)
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEP_ALIVE.items():
            if hasattr(socket, name):  # not on every system
                connection.sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return connection

    def _read(self, response: http.client.HTTPResponse, content: bytes) -> dict | list:
        try:
            value = json.loads(content)
        except ValueError:
            value = None
        if response.status == 200 and isinstance(value, (dict, list)):
            return value
        message = self._message(value, content) or response.reason
        if response.status in BUSY or response.status >= 500:
            wait = response.headers.get("Retry-After", "")
            seconds = float(wait) if wait.isdigit() else 0.0
            raise Fault(f"{response.status} {message}", response.status, seconds)
        if response.status == 200:
            raise Fault("its answer is no JSON")
        if response.status in (401, 403):
            raise InputError(
                f"--base_url {self.url}: {response.status} {message}; the key comes from the variable "
                f"{KEY_VARIABLES[0]}, which is {'' if self._key else 'not '}set"
            )
        raise Refused(response.status, message)

    def _message(self, value: object, content: bytes) -> str:
        """The message of an error, in one line, without the key."""
        for name in ("error", "message", "detail"):
            if isinstance(value, dict) and value.get(name):
                value = value[name]
        text = value if isinstance(value, str) else json.dumps(value) if value else content.decode(errors="replace")
        text = " ".join(text.split())
        return (text.replace(self._key, "***") if self._key else text)[:MESSAGE_LENGTH]


def _reason(error: Exception) -> str:
    """Why a connection failed, in a few words."""
    if isinstance(error, http.client.IncompleteRead):
        return "its answer was cut short"
    if isinstance(error, http.client.RemoteDisconnected):
        return "connection closed"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return reason.lower()
