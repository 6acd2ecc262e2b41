"""The catalogue of initializers: complete, searchable, with the results of the benchmark."""

import sys

import numpy as np
import pandas as pd
import pytest

from skinit import initializers
from skinit.catalogue.catalogue import FAMILIES, OTHERS, Catalogue, Entry, catalogue
from skinit.catalogue.track_record import (
    FEWEST,
    TrainableShare,
    read_shares,
    track_record,
    write_shares,
)
from skinit.initializers import INITIALIZERS, He, Initializer, resolve_init

module = sys.modules["skinit.catalogue.catalogue"]  # the function has its name

for_every_entry = pytest.mark.parametrize(
    "entry", catalogue().entries, ids=lambda entry: entry.name
)


def entry_named(name):
    [found] = [entry for entry in catalogue() if name in entry.names]
    return found


def test_every_name_is_there_once():
    names = [name for entry in catalogue() for name in entry.names]
    assert sorted(names) == sorted(INITIALIZERS)


def test_every_initializer_that_can_be_imported_is_there():
    expected = {name for name in initializers.__all__ if is_strategy(getattr(initializers, name))}
    assert {entry.spelt.partition("(")[0] for entry in catalogue()} == expected


def is_strategy(thing):
    return isinstance(thing, type) and issubclass(thing, Initializer) and thing is not Initializer


def test_names_of_one_entry_stand_for_one_object():
    for entry in catalogue():
        assert {repr(resolve_init(name)) for name in entry.names} <= {entry.spelt}


@for_every_entry
def test_every_entry_is_complete(entry):
    for text in (entry.spelt, entry.formula, entry.advice, entry.cost, entry.references):
        assert text.strip()
        assert "\n" not in text


@for_every_entry
def test_every_entry_has_a_family(entry):
    """A new file is named in FAMILIES, in skinit/catalogue/catalogue.py."""
    assert entry.family in FAMILIES


def test_references_are_those_of_the_docstring():
    assert entry_named("glorot").references == (
        'X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward '
        'neural networks", AISTATS 2010, equation 12.'
    )


def test_references_have_no_markup_and_no_other_section():
    for entry in catalogue():
        assert "`" not in entry.references
        assert ">>>" not in entry.references


def test_the_first_entry_is_for_any_network():
    assert catalogue().entries[0].names == ("auto",)


def test_entries_are_in_the_order_of_families():
    families = [entry.family for entry in catalogue()]
    assert families == sorted(families, key=list(FAMILIES).index)


class Own(He):
    """He under a custom name."""

    formula = "as He"
    advice = "to see that it is listed"


def test_what_a_user_registers_is_listed_among_others(monkeypatch):
    monkeypatch.setitem(INITIALIZERS, "own", Own())
    entry = catalogue().entries[-1]
    assert (entry.names, entry.family, entry.references) == (("own",), OTHERS, "")


# Search


def entry_with(**texts):
    texts = {"names": (), "spelt": "", "family": "", "formula": "", "advice": ""} | texts
    return Entry(**{"cost": "", "references": "", **texts})


@pytest.mark.parametrize("field", ["spelt", "family", "formula", "advice", "cost", "references",
                                   "overall", "strength", "weakness"])  # fmt: skip
def test_a_word_is_found_in_every_field(field):
    assert entry_with(**{field: "behind ReLU units"}).distance("relu") < np.inf


def test_a_word_is_found_at_the_start_of_a_word_only():
    entry = entry_with(names=("he_normal",), advice="usual; leaky-relu", formula="W = 2 / m")
    there, not_there = ("he", "HE_N", "normal", "us", "relu", "2"), ("sual", "ormal", "W.=", "elu")
    assert [word for word in there + not_there if entry.distance(word) < np.inf] == list(there)


def test_a_search_keeps_what_has_all_words():
    found = set(catalogue().search("data", "ReLU").entries)
    every = set(catalogue().search("data").entries) & set(catalogue().search("relu").entries)
    assert found == every
    assert 0 < len(found) < len(catalogue())


def test_words_may_come_in_one_string():
    assert catalogue().search(" relu  deep ") == catalogue().search("relu", "deep")


def test_no_words_keep_all():
    assert catalogue().search() == catalogue()


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_name_is_found_first(name):
    assert name in catalogue().search(name).entries[0].names


def test_names_come_before_formula_advice_and_the_rest():
    entries = [
        entry_with(spelt="F()", cost="no word"),
        entry_with(spelt="E()", advice="for a word"),
        entry_with(spelt="D()", formula="W = word"),
        entry_with(names=("word_as_part",)),
        entry_with(names=("other", "word")),
    ]
    found = Catalogue(tuple(entries)).search("word")
    assert list(found) == entries[::-1]


def test_of_several_words_the_one_furthest_from_the_names_counts():
    far = entry_with(spelt="Far()", formula="one", cost="two")
    near = entry_with(spelt="Near()", formula="two", advice="one")
    assert list(Catalogue((far, near)).search("one", "two")) == [near, far]


@pytest.mark.parametrize("words", ["tanh deep", "relu deep", "logistic", "any activation"])
def test_auto_is_among_the_closest_entries(words):
    assert entry_named("auto") in catalogue().search(words).closest(words)


def test_no_advice_names_a_class():
    """The catalogue lists names, and a class is not one."""
    classes = {entry.spelt.partition("(")[0] for entry in catalogue()}
    words = {word for entry in catalogue() for word in entry.advice.split()}
    assert {word.strip(",;:") for word in words} & classes == set()


def test_the_closest_to_a_name_is_the_entry_of_that_name():
    assert list(catalogue().search("kaiming").closest("kaiming")) == [entry_named("he")]


def test_the_closest_to_other_words_have_them_in_names_formula_or_advice():
    in_advice = entry_with(spelt="A()", advice="some words")
    elsewhere = entry_with(spelt="B()", cost="some words")
    both = Catalogue((in_advice, elsewhere))
    assert list(both.closest("some words")) == [in_advice]
    assert list(Catalogue((elsewhere,)).closest("some", "words")) == [elsewhere]


def test_an_unknown_name_is_an_error_with_similar_names():
    near = r"did you mean 'he_normal'(, '\w+')? or '\w+'\? 'skinit list' shows all$"
    with pytest.raises(ValueError, match=f"init='He-norml' is not a known name; {near}"):
        catalogue().check_name("He-norml")


def test_a_name_similar_to_none_is_an_error_that_names_the_list():
    with pytest.raises(ValueError, match=r"'xyz' is not a known name; 'skinit list' shows all$"):
        catalogue().check_name("xyz")


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_known_name_is_accepted(name):
    catalogue().check_name(name)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rellu"], "no initializer has the word 'rellu'; did you mean 'relu', 'elu' or 'selu'?"),
        (["deep", "kaimng"], "no initializer has the word 'kaimng'; did you mean 'kaiming', "),
        (
            ["weigts"],
            "no initializer has the word 'weigts'$",
        ),  # not part of a name
        (["qqqqq"], "no initializer has the word 'qqqqq'$"),
        (["zeros", "siren"], "no initializer has all of the words 'zeros', 'siren'; leave one out"),
    ],
)
def test_nothing_found_names_the_word_and_similar_ones(words, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        catalogue().search(*words)


# Layout


def test_the_overview_shows_names_formula_and_use_of_all():
    shown = " ".join(repr(catalogue()).split())
    for entry in catalogue():
        assert entry.family in shown
        assert entry.names == () or entry.names[-1] in shown
    siren = "siren W ~ U(-c, c), c = 30 / fan_in, then sqrt(6 / fan_in), last / 30 use: activation"
    assert siren in shown


def test_an_entry_shows_what_is_known_and_no_label_without_it():
    lines = str(entry_with(names=("one", "two"), cost="little")).splitlines()
    assert lines == ["one, two", "    cost: little"]


@for_every_entry
def test_an_entry_shows_all_of_its_texts(entry):
    shown = " ".join(str(entry).split())
    for text in (entry.title, entry.formula, entry.advice, entry.cost, entry.references):
        assert text in shown


def test_a_frame_has_a_row_for_each_entry():
    frame = catalogue().to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == len(catalogue())
    assert frame.set_index("spelt").loc["He()", "formula"] == He().formula


# Benchmark results

MADE_UP = [
    TrainableShare("he", "all", "all", 100, 0.5),
    TrainableShare("he", "depth", "1", 20, 1.0),
    TrainableShare("he", "depth", "2", 20, 0.998),
    TrainableShare("he", "depth", "50", 60, 0.25),
    TrainableShare("he", "data", "very_easy", 20, 1.0),
    TrainableShare("he", "data", "rare", FEWEST - 1, 0.0),
    TrainableShare("orthogonal", "all", "all", 100, 0.75),
    TrainableShare("orthogonal", "depth", "50", 20, 0.75),
    TrainableShare("orthogonal", "shape", "pyramid", 20, 0.754),
]


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Let the catalogue read a small file."""
    write_shares(MADE_UP, tmp_path / "found.csv")
    monkeypatch.setattr(
        sys.modules["skinit.catalogue.catalogue"], "PUBLISHED", tmp_path / "found.csv"
    )


def test_shares_survive_writing_and_reading(tmp_path):
    write_shares(MADE_UP, tmp_path / "found.csv")
    assert read_shares(tmp_path / "found.csv") == MADE_UP


def test_results_have_rank_and_extremes(found):
    entry = entry_named("kaiming")
    assert entry.overall == "close to the best in 50% of 100 networks, rank 2 of 2"
    assert entry.strength == "at depth 1 or 2 (100%)"
    assert entry.weakness == "at depth 50 (25%)"


def test_what_is_the_same_everywhere_has_no_extremes(found):
    entry = entry_named("orthogonal")
    assert entry.overall == "close to the best in 75% of 100 networks, rank 1 of 2"
    assert (entry.strength, entry.weakness) == ("", "")


def test_results_can_be_searched(found):
    assert [entry.name for entry in catalogue().search("close", "best", "rank")][:2] == [
        "he",
        "orthogonal",
    ]


def test_what_was_not_in_the_benchmark_says_so(found):
    for name in ("zeros", "he_uniform"):
        assert entry_named(name).overall == "not in the trainability benchmark"


def test_a_share_of_few_networks_is_not_reported(found):
    few = [each for each in MADE_UP if each.cells < FEWEST]
    assert "rare" in [each.group for each in few]
    assert "rare" not in entry_named("he").weakness


def test_several_groups_are_joined_by_commas_and_underscores_are_spaces():
    groups = [TrainableShare("he", "data", name, 20, 0.5) for name in ("a_b", "c", "d")]
    worst = TrainableShare("he", "data", "e", 20, 0.0)
    record = track_record(["he"], [TrainableShare("he", "all", "all", 80, 0.4), *groups, worst])
    assert (record.strength, record.weakness) == ("on a b, c or d (50%)", "on e (0%)")


def test_without_a_file_nothing_is_claimed(tmp_path, monkeypatch):
    monkeypatch.setattr(
        sys.modules["skinit.catalogue.catalogue"], "PUBLISHED", tmp_path / "absent.csv"
    )
    assert {entry.overall + entry.strength + entry.weakness for entry in catalogue()} == {""}
