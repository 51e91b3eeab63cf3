"""A small OpenAI server that knows the toy problems by heart, with the faults of real ones; for tests."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from collections import Counter
from pathlib import Path

from toy import TOY, free_port
from transformers import AutoTokenizer

from utils.run.streams import stream

BODIES = {name: f"\n    {body}\n" for name, _, _, body, _, _ in TOY}
QUERIES = {name: query for name, query, *_ in TOY}
RETRY_AFTER = 1


def toy_answer(prompt: str, seed: int) -> str:
    """Two of three bodies are right; descriptions are those of the problems."""
    name = ["", *re.findall(r"def (\w+)\(", prompt)][-1]
    if name not in BODIES:
        return " or something else"
    if prompt.endswith(":\n"):
        return f"{QUERIES[name]}\n###Code:"
    right = stream("fake", prompt, seed).integers(3) > 0
    return (BODIES[name] if right else "\n    return 12345\n") + "\ndef other():\n    return 0\n"


class FakeServer:
    """Serves the tokenizer of a folder on a port of its own, in a thread.

    `faults` maps the number of a completion (from 0) to what happens to it: an HTTP status, `hang`, `close` (the
    connection), `cut` (its answer), `abort` or `short` (its text). Attributes may be changed while it runs.
    """

    def __init__(self, folder: Path, answer=toy_answer, **settings):
        self.tokenizer, self.answer = AutoTokenizer.from_pretrained(folder), answer
        self.port, self.name, self.owner, self.context = free_port(), folder.name, "fake", 4096
        self.takes_ids = self.gives_ids = self.tokenizes = True
        self.refused_top_k, self.key, self.seconds, self.slots = None, None, 0.0, 0
        self.most_stops = 100
        self.faults: dict[int, int | str] = {}
        self.bodies: list[dict] = []  # of all completions asked for
        self.given: Counter = Counter()  # completions sent, by seed
        self.flying = self.most_flying = 0
        for name, value in settings.items():
            getattr(self, name)  # a misspelt one
            setattr(self, name, value)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> FakeServer:
        self.start()
        return self

    def __exit__(self, *error) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, on the same port as before."""
        ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self.thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        """Die: all connections are closed, whatever they wait for."""
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.ended.set)
            self.thread.join()

    async def _serve(self, ready: threading.Event) -> None:
        self.loop, self.ended, self.connections = asyncio.get_running_loop(), asyncio.Event(), set()
        self.free_slots = asyncio.Semaphore(self.slots or 10**6)
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=1024)
        ready.set()
        await self.ended.wait()
        server.close()
        for task in self.connections:
            task.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)
        self.flying = 0

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(asyncio.current_task())
        try:
            while True:
                await self._exchange(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self.connections.discard(asyncio.current_task())
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"(?i)content-length: (\d+)", head)
        body = json.loads(await reader.readexactly(int(length[1]))) if length else {}
        path, fault = head.split()[1], None
        if path == "/v1/completions":
            fault = self.faults.get(len(self.bodies))
            self.bodies.append(body)
            self.flying += 1
            self.most_flying = max(self.most_flying, self.flying)
            async with self.free_slots:
                await asyncio.sleep(self.seconds)
        try:
            if fault == "close":
                raise ConnectionError
            await asyncio.sleep(3600 if fault == "hang" else 0)
            status, value = (
                (fault, self._error("told to")) if isinstance(fault, int) else self._reply(path, body, fault)
            )
            if self.key and f"Bearer {self.key}" not in head:
                given = re.search(r"Bearer (\S+)", head)
                status, value = 401, self._error(f"wrong key: {given and given[1]}")
            if path == "/v1/completions" and status == 200 and fault is None:
                self.given[body["seed"]] += 1  # before the client knows, who may look at once
            text = json.dumps(value).encode()
            fields = f"Content-Length: {len(text)}\r\n"
            if status == 429:
                fields += f"Retry-After: {RETRY_AFTER}\r\n"
            writer.write(f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\n{fields}\r\n".encode())
            writer.write(text[: len(text) // 2] if fault == "cut" else text)
            await writer.drain()
            if fault == "cut":
                raise ConnectionError
        finally:
            self.flying -= path == "/v1/completions"

    def _error(self, message: str) -> dict:
        return {"error": {"message": message, "type": "fake"}}

    def _reply(self, path: str, body: dict, fault: str | None) -> tuple[int, dict]:
        if path == "/v1/models":
            model = {"id": self.name, "owned_by": self.owner, "object": "model"}
            return 200, {"data": [{**model, "max_model_len": self.context} if self.context else model]}
        if path == "/version":
            return 200, {"version": "1.2.3"}
        if path == "/tokenize" and self.tokenizes:
            return 200, {"tokens": self._ids(body["prompt"])}
        if path == "/v1/completions":
            return self._complete(body, fault)
        return 404, {"detail": "Not Found"}

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False).input_ids

    def _complete(self, body: dict, fault: str | None) -> tuple[int, dict]:
        prompt, seed, most = body["prompt"], body["seed"], body["max_tokens"]
        if isinstance(prompt, list) and not self.takes_ids:
            return 400, self._error("prompt: a string is expected")
        if len(body.get("stop", ())) > self.most_stops:
            return 400, self._error("stop: too long")
        if body["top_k"] == self.refused_top_k:
            return 422, {"detail": [{"loc": ["body", "top_k"], "msg": "out of range"}]}
        start = self.tokenizer("").input_ids
        prompt = prompt if isinstance(prompt, list) else start + self._ids(prompt)
        text = self.answer(self.tokenizer.decode(prompt, skip_special_tokens=True), seed)
        ids, reason = [*self._ids(text), self.tokenizer.eos_token_id], "stop"
        if len(ids) > most:
            ids, reason = ids[:most], "length"
        stop = min((text.index(word) for word in body.get("stop", ()) if word in text), default=None)
        shown = self.tokenizer.decode(ids, skip_special_tokens=True)
        if stop is not None and stop < len(shown):
            shown, reason = shown[:stop], "stop"
        if fault == "short":
            ids, reason = ids[:2], "length"
        if fault == "abort":
            ids, reason = ids[:2], "abort"
        choice = {"index": 0, "text": shown, "finish_reason": reason}
        if self.gives_ids and body.get("return_token_ids"):
            choice["token_ids"] = ids
        return 200, {"choices": [choice], "usage": {"prompt_tokens": len(prompt), "completion_tokens": len(ids)}}


class OneAnswer(FakeServer):
    """Always gives the same completion, which costs it no tokenizer: for the rate of clients."""

    def _complete(self, body: dict, fault: str | None) -> tuple[int, dict]:
        if body["temperature"] == 0:  # what a client looks at first
            return super()._complete(body, fault)
        if not hasattr(self, "same"):
            self.same = super()._complete(body, fault)
        self.bodies.clear()
        self.given.clear()
        return self.same


if __name__ == "__main__":  # python tests/fake_server.py FOLDER [PORT]: prints its URL and serves until it is killed
    server = OneAnswer(Path(sys.argv[1]), **({"port": int(sys.argv[2])} if len(sys.argv) > 2 else {}))
    server.start()
    print(server.url, flush=True)
    server.thread.join()
