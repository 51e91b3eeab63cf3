"""Files of codes and of their perplexities: which belong together, and what is said where they do not."""

from __future__ import annotations

import json

import pytest
from training_files import CODES, PROBLEMS, options

from utils.code_files import read_codes, read_perplexities
from utils.run import paths
from utils.run.files import InputError, beside, sha256, write_json
from utils.training_set import read_sources


def test_codes_and_perplexities_are_read(files):
    code, weight = files
    found = read_codes(code, PROBLEMS)
    assert (found.codes, found.positions, found.size, found.warning) == (CODES, [[0, 1], [], [2]], 3, "")
    assert read_perplexities(weight, found) == ([[1.5, 2.5], [], [1.25]], "")


def test_codes_that_were_not_scored_have_no_perplexity(files):
    code, weight = files
    write_json(weight, {"0": 1.5, "2": 1.25}, {"inputs": {"code": sha256(code)}})
    assert read_perplexities(weight, read_codes(code, PROBLEMS))[0] == [[1.5, None], [], [1.25]]


@pytest.mark.parametrize("codes", [CODES[:2], [*CODES, []], []])
def test_codes_of_another_number_of_problems_are_refused(tmp_path, codes):
    path = tmp_path / "codes.json"
    write_json(path, codes, {})
    with pytest.raises(InputError, match=f"{len(codes)} problems.*3") as caught:
        read_codes(path, PROBLEMS)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("entry", ["a program", [1], None, {"0": "x"}, [["x"]]])
def test_malformed_codes_are_refused(tmp_path, entry):
    path = tmp_path / "codes.json"
    path.write_text(json.dumps([["x = 1"], entry, []]))
    with pytest.raises(InputError, match="entry 1"):
        read_codes(path, PROBLEMS)


def test_codes_changed_after_they_were_written_are_refused(files):
    files[0].write_text(json.dumps([[], [], []]))
    with pytest.raises(InputError, match="does not match"):
        read_codes(files[0], PROBLEMS)


def test_perplexities_of_another_code_file_are_refused_by_both_names(files, tmp_path):
    other = tmp_path / "other.json"
    write_json(other, [["y", "z"], [], ["x"]], {})
    with pytest.raises(InputError, match="another code file") as caught:
        read_perplexities(files[1], read_codes(other, PROBLEMS))
    assert str(files[1]) in str(caught.value) and str(other) in str(caught.value)


def test_foreign_perplexities_are_taken_with_a_warning_where_the_counts_fit(files):
    code, weight = files
    beside(weight, "meta").unlink()
    values, warning = read_perplexities(weight, read_codes(code, PROBLEMS))
    assert values == [[1.5, 2.5], [], [1.25]] and str(weight) in warning
    write_json(code, [["a"], [], ["b"]], {})
    with pytest.raises(InputError, match="3 perplexities.*2 codes"):
        read_perplexities(weight, read_codes(code, PROBLEMS))


@pytest.mark.parametrize(
    "entries",
    [
        '"0": 1, "1": 2, "3": 1', '"0": 1, "1": 2, "-1": 1', '"0": 1, "1": 2, "x": 1', '"0": 1, "1": 2, "2": NaN',
        '"0": 1, "1": 2, "2": Infinity', '"0": 1, "1": 2, "2": null', '"0": 1, "1": 2, "2": "1"',
        '"0": 1, "1": 2, "2": true', '"0": 1, "1": 2, "2": [1]',
        '"0": 1, "1": 2, "\u00b2": 1', '"0": 1, "1": 2, "01": 1',
    ],
)  # fmt: skip
def test_malformed_perplexities_are_refused(files, entries):
    code, weight = files
    beside(weight, "meta").unlink()
    weight.write_text(f"{{{entries}}}")
    with pytest.raises(InputError, match="ppl-passed_seq_code.json"):
        read_perplexities(weight, read_codes(code, PROBLEMS))


# Files with an entry for every seed, of which training leaves some out

SEEDS = [7, 0, None, 1, 2, 8]
SEED_CODES = [["left", "out"], CODES[0], ["dropped"], CODES[1], CODES[2], []]


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A code file as the authors write theirs, its perplexities, and the training problems made of the same seeds."""
    monkeypatch.chdir(tmp_path)
    write_json(paths.task_file("codeinsight", "train"), [], {"seeds": SEEDS})
    code, weight = tmp_path / "codes.json", tmp_path / "weights.json"
    code.write_text(json.dumps(SEED_CODES))
    weight.write_text(json.dumps({str(position): 1 + position / 10 for position in range(6)}))
    return code, weight


def test_a_file_with_an_entry_for_every_seed_is_matched_by_position(foreign):
    code, weight = foreign
    found = read_codes(code, PROBLEMS, paths.task_file("codeinsight", "train"))
    assert (found.codes, found.positions, found.size) == (CODES, [[2, 3], [], [5]], 6)
    assert "6 seeds" in found.warning and "3 entries with 3 codes" in found.warning
    assert read_perplexities(weight, found)[0] == [[1.2, 1.3], [], [1.5]]
    alone = read_codes(code, PROBLEMS[2:], paths.task_file("codeinsight", "train"))
    assert (alone.codes, alone.positions) == ([CODES[2]], [[5]]), "some of the problems, as --limit has it"
    assert read_perplexities(weight, alone)[0] == [[1.5]]


def test_codes_of_every_seed_are_trained_on_with_their_own_perplexities(foreign):
    code, weight = foreign
    sources = read_sources(options(selfsample_code_source=code, weight_file1=weight, resample=True), PROBLEMS)
    assert sources.codes == CODES and sources.perplexities == [[1.2, 1.3], [], [1.5]]
    assert len(sources.warnings) == 2 and "6 seeds" in sources.warnings[0]
    write_json(weight, {"2": 5.0}, {"inputs": {"code": sha256(code)}})  # stage 2 scored what is trained on
    sources = read_sources(options(selfsample_code_source=code, weight_file1=weight, resample=True), PROBLEMS)
    assert sources.perplexities == [[5.0, None], [], [None]]


def test_seeds_of_another_number_do_not_help(foreign):
    code, _ = foreign
    code.write_text(json.dumps(SEED_CODES[1:]))
    with pytest.raises(InputError, match="5 problems, but the training file has 3; give"):
        read_codes(code, PROBLEMS, paths.task_file("codeinsight", "train"))


def test_a_file_of_stage_1_is_never_matched_by_seeds(foreign):
    code, _ = foreign
    write_json(code, SEED_CODES, {"settings": {"sampler": "gibbs"}})
    with pytest.raises(InputError, match="6 problems, but the training file has 3"):
        read_codes(code, PROBLEMS, paths.task_file("codeinsight", "train"))


def test_training_files_without_a_list_of_seeds_fit_by_length_alone(foreign):
    code, _ = foreign
    train = paths.task_file("codeinsight", "train")
    for remove in (beside(train, "meta"), train):
        remove.unlink()
        with pytest.raises(InputError, match="6 problems, but the training file has 3"):
            read_codes(code, PROBLEMS, train)
    code.write_text(json.dumps(CODES))
    assert read_codes(code, PROBLEMS, train).codes == CODES
