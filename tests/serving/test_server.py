"""The engine that samples from servers, and what it finds out about them, against a small server with real faults."""

from __future__ import annotations

import threading
import time

import pytest
import toy
from fake_server import RETRY_AFTER, FakeServer

from utils.model.generate import Decoding, Request
from utils.model.load import check_model
from utils.run.files import Failure, InputError
from utils.run.streams import seed_of
from utils.serving.probe import look_at
from utils.serving.server import MOST_ROOM, Server

DECODING = Decoding(("\ndef", "\n###"), 64, 0.8, 50, 0.95)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model's folder without weights."""
    path = toy.write_model(tmp_path_factory.mktemp("served") / "tiny", steps=0)
    (path / "model.safetensors").unlink()
    return path


@pytest.fixture(scope="module")
def policy(folder):
    return check_model(str(folder), None, False)[1]


@pytest.fixture
def server(folder):
    with FakeServer(folder) as server:
        yield server


def requests(policy, samples: int = 5) -> list[Request]:
    prompts = [prompt for prompt, _ in toy.toy_texts(shots=1)]
    return [
        Request(policy.encode_prompt(prompt), (1, prompt, number)) for prompt in prompts for number in range(samples)
    ]


def looked_at(server: FakeServer, policy, patience: float = 10):
    return look_at(server.url, f"some/{server.name}", policy, 1024, patience)


def started(servers: list[FakeServer], policy, room: int = 4, patience: float = 10) -> Server:
    """An engine, and no completion asked for yet as far as the servers count."""
    engine = Server([looked_at(server, policy) for server in servers], policy, room, patience)
    for server in servers:
        server.bodies.clear()
        server.given.clear()
    return engine


def completed(engine: Server, asked: list[Request], decoding: Decoding = DECODING) -> dict:
    """Completions by position, each of them once."""
    pairs = list(engine.run(asked, decoding))
    done = dict(pairs)
    assert len(done) == len(pairs) == len(asked)
    return done


def expected(server: FakeServer, policy, asked: list[Request]) -> list[str]:
    """The texts that the server has for these requests, cut by hand."""
    wholes = [server.answer(policy.prompt_text(request.prompt), seed_of(*request.key)) for request in asked]
    return [whole.split("\ndef")[0].split("\n###")[0].rstrip() for whole in wholes]


def test_completions_are_those_of_the_server(server, policy):
    engine, asked = started([server], policy), requests(policy, 12)
    done = completed(engine, asked)
    assert [done[i].text for i in range(len(asked))] == expected(server, policy, asked)
    assert len({done[i].text for i in range(12)}) == 2, "samples of a prompt draw by themselves"
    assert len(server.bodies) == len(asked) == len({(*body["prompt"], body["seed"]) for body in server.bodies})
    assert done[0].ids[-1] == policy.eos_id


def test_all_that_changes_the_distribution_is_said(server, policy):
    completed(started([server], policy), requests(policy, 1)[:1])
    [body] = server.bodies
    said = {"temperature": 0.8, "top_k": 50, "top_p": 0.95, "min_p": 0, "repetition_penalty": 1, "max_tokens": 64}
    assert said.items() <= body.items() and body["stop"] == list(DECODING.stop_words)
    assert body["presence_penalty"] == body["frequency_penalty"] == 0 and body["model"] == server.name


def test_llama_cpp_is_told_to_apply_the_temperature_first(folder, policy):
    with FakeServer(folder, owner="llamacpp") as server:
        completed(started([server], policy), requests(policy, 1)[:1])
    assert server.bodies[0]["samplers"] == ["temperature", "top_k", "top_p"]


def test_a_context_bounds_completions(folder, policy):
    asked = requests(policy, 1)[:1]
    with FakeServer(folder, context=1024) as server:
        engine = started([server], policy)
        long = Request([*asked[0].prompt] * (1000 // len(asked[0].prompt)), ("long",))
        completed(engine, [long], Decoding((), 512, 1.0))
    assert server.bodies[0]["max_tokens"] == 1024 - len(long.prompt)


@pytest.mark.parametrize("fault", [429, 500, 503, "close", "cut", "abort", "short"])
def test_a_fault_costs_one_more_request(server, policy, fault):
    engine, asked, said = started([server], policy), requests(policy), []
    engine.tell = said.append
    server.faults = {7: fault}
    began = time.monotonic()
    completed(engine, asked)
    assert len(server.bodies) == len(asked) + 1 and set(server.given.values()) <= {1, 2, 3, 4, 5}
    assert sum(server.given.values()) == len(asked)
    if fault == 429:
        assert time.monotonic() - began > RETRY_AFTER and engine.lanes[0].room == 2
    if fault != "close":  # a kept connection that closes is no news
        assert server.url.split("/")[2] in said[0]
    assert not said or isinstance(fault, str) or said[-1] == ""


def test_a_request_without_an_answer_is_asked_again(server, policy):
    engine, asked = started([server], policy, patience=3), requests(policy)
    server.faults = {3: "hang"}
    completed(engine, asked)
    assert len(server.bodies) == len(asked) + 1


def test_a_server_that_dies_and_comes_back(server, policy):
    server.seconds = 0.02
    engine, asked, done, said = started([server], policy), requests(policy), {}, []
    engine.tell = said.append
    for position, completion in engine.run(asked, DECODING):
        assert position not in done
        done[position] = completion.text
        if len(done) == 20:
            server.stop()
            threading.Timer(1.2, server.start).start()
    assert [done[i] for i in range(len(asked))] == expected(server, policy, asked)
    assert len(server.bodies) <= len(asked) + 4, "those in flight are made again, no more"
    assert any("refused" in line for line in said) and said[-1] == ""


def test_patience_ends(server, policy):
    engine = started([server], policy, patience=1.5)
    server.stop()
    with pytest.raises(Failure, match="no completion for --server_patience 1.5 s .*refused.* resumes"):
        completed(engine, requests(policy))


def test_a_request_that_fails_holds_up_no_other(server, policy):
    engine, asked = started([server], policy, patience=2), requests(policy)
    whole, seen = server.answer, []

    def answer(prompt, seed):
        if seed == seed_of(*asked[3].key):
            raise ConnectionError
        return whole(prompt, seed)

    server.answer = answer
    with pytest.raises(Failure):
        for position, _ in engine.run(asked, DECODING):
            seen.append(position)
    assert sorted(seen) == [i for i in range(len(asked)) if i != 3]


def test_a_server_that_always_cuts_is_told(server, policy):
    engine = started([server], policy)
    server.faults = dict.fromkeys(range(1000), "short")
    with pytest.raises(Failure, match=r"'length' after 2 of 64 tokens, 3 times"):
        completed(engine, requests(policy))


def test_a_refused_request_is_one_line(server, policy):
    engine = started([server], policy)
    server.faults = {2: 400}
    with pytest.raises(InputError, match="refuses a request: 400 told to"):
        completed(engine, requests(policy))


@pytest.mark.parametrize(
    "poorer",
    [{"takes_ids": False}, {"gives_ids": False}, {"takes_ids": False, "gives_ids": False, "tokenizes": False},
     {"refused_top_k": -1}, {"tokenizes": False}, {"context": None}],
)  # fmt: skip
def test_poorer_servers_give_the_same_texts(server, folder, policy, poorer):
    asked = requests(policy, 2)
    wanted = completed(started([server], policy), asked, all_tokens := Decoding(DECODING.stop_words, 64, 1.0))
    with FakeServer(folder, **poorer) as other:
        done = completed(started([other], policy), asked, all_tokens)
        assert {i: c.text for i, c in done.items()} == {i: c.text for i, c in wanted.items()}
        assert isinstance(other.bodies[0]["prompt"], str) == (poorer.get("takes_ids") is False)
        assert other.bodies[0]["top_k"] == (0 if "refused_top_k" in poorer else -1)


def test_a_server_of_few_stop_words_cuts_late_and_we_cut_then(folder, policy, capsys):
    """Seven stop words of which the last ones come; the server that takes four of them goes on behind those."""
    words = (*(f"\n{word}" for word in ("class", "if", "#", "print")), *DECODING.stop_words)
    asked, decoding, done = requests(policy, 2), Decoding(words, 64, 1.0), []
    for most in (100, 4):
        with FakeServer(folder, most_stops=most) as server:
            done.append(completed(started([server], policy), asked, decoding))
            assert {len(body["stop"]) for body in server.bodies} == {min(most, len(words))}
            assert ("VLLM_MAX_STOP_STRINGS" in capsys.readouterr().err) == (most == 4)
    assert {i: c.text for i, c in done[0].items()} == {i: c.text for i, c in done[1].items()}


def test_several_servers_share_the_work_and_one_may_die(server, folder, policy):
    with FakeServer(folder, seconds=0.02) as other:
        server.seconds = 0.02
        engine, asked = started([server, other], policy), requests(policy)
        completed(engine, asked)
        assert min(len(server.bodies), len(other.bodies)) > len(asked) / 4
        other.stop()
        done = completed(engine, asked)
    assert [done[i].text for i in range(len(asked))] == expected(server, policy, asked)


def test_so_many_are_in_flight_as_asked_for(server, policy):
    server.seconds = 0.05
    completed(started([server], policy, room=3), requests(policy, 2))
    assert server.most_flying == 3


@pytest.mark.parametrize(("slots", "least", "most"), [(0, 100, MOST_ROOM), (8, 16, 128)])
def test_the_number_in_flight_grows_with_the_rate(folder, policy, slots, least, most):
    """A server that takes all there are is given more and more, one with eight slots is not."""
    # The server's second is most of an answer's time, whatever else keeps the machine busy.
    with FakeServer(folder, seconds=1.0 if not slots else 0.05, slots=slots) as server:
        completed(started([server], policy, room=0), requests(policy, 60 if not slots else 20))
    assert least <= server.most_flying <= most


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "other"}, "serves other, not tiny"),
        ({"context": 1000}, "context of 1000 tokens is shorter"),
    ],
)
def test_another_model_or_a_short_context_is_refused(folder, policy, changes, said):
    with FakeServer(folder, **changes) as server, pytest.raises(InputError, match=said):
        look_at(server.url, str(folder), policy, 1024, 5)


@pytest.mark.parametrize("tokenizes", [True, False])
@pytest.mark.parametrize("takes_ids", [True, False])
@pytest.mark.parametrize("gives_ids", [True, False])
def test_another_tokenizer_is_refused(folder, policy, tmp_path, tokenizes, takes_ids, gives_ids):
    texts = [text.replace("e", "o") for pair in toy.toy_texts() for text in pair]
    toy.tiny_tokenizer(texts).save_pretrained(tmp_path / "tiny")
    settings = {"tokenizes": tokenizes, "takes_ids": takes_ids, "gives_ids": gives_ids}
    with FakeServer(tmp_path / "tiny", **settings) as server, pytest.raises(InputError, match="another tokenizer"):
        looked_at(server, policy)


def test_what_is_no_openai_server_is_told(server, policy):
    with pytest.raises(InputError, match="404"):
        look_at(server.url.replace("/v1", "/api/v1"), "tiny", policy, 100, 5)


def test_a_server_that_does_not_answer_is_waited_for(server, policy, capsys):
    server.stop()
    threading.Timer(1, server.start).start()
    assert looked_at(server, policy).version == "1.2.3"
    assert "refused; trying again" in capsys.readouterr().err
    server.stop()
    with pytest.raises(Failure, match="refused, for --server_patience 1 s"):
        looked_at(server, policy, patience=1)


def test_the_key_comes_from_the_environment_and_is_never_shown(folder, policy, monkeypatch):
    with FakeServer(folder, key="geheim-123") as server:
        monkeypatch.setenv("OPENAI_API_KEY", "geheim-123")
        assert looked_at(server, policy).engine == "fake"
        monkeypatch.setenv("GIFT_API_KEY", "falsch-456")
        with pytest.raises(InputError, match="401") as caught:
            looked_at(server, policy)
    assert "falsch-456" not in str(caught.value) and "GIFT_API_KEY" in str(caught.value)
