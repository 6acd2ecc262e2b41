"""The data of the tutorials, and data sets that `load_split` splits and standardizes."""

import gzip
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_circles, make_moons
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skinit.datasets import BUILT_IN, load_circles, load_moons, load_split

REGRESSION = {"diabetes"}


@pytest.mark.parametrize(
    ("load", "make", "n_train", "noise"),
    [(load_circles, make_circles, 300, 0.05), (load_moons, make_moons, 400, 0.2)],
)
def test_tutorial_data_are_what_scikit_learn_makes(load, make, n_train, noise):
    train = make(n_samples=n_train, noise=noise, random_state=1)
    test = make(n_samples=100, noise=noise, random_state=2)
    for loaded, made in zip(load(), (*train, *test), strict=True):
        assert_array_equal(loaded, made)


@pytest.mark.parametrize("load", [load_circles, load_moons])
def test_changing_loaded_data_does_not_change_the_next_load(load):
    before = [array.copy() for array in load()]
    for array in load():
        array[:] = 7
    for array, expected in zip(load(), before, strict=True):
        assert_array_equal(array, expected)


@pytest.mark.parametrize("load", [load_circles, load_moons])
def test_tutorial_classes_are_equally_frequent(load):
    _, y_train, _, y_test = load()
    assert y_train.mean() == y_test.mean() == 0.5


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_data_know_their_task(name):
    assert load_split(name)[4] == ("regression" if name in REGRESSION else "classification")


@pytest.mark.parametrize("name", BUILT_IN)
def test_training_features_are_standardized(name):
    X_train = load_split(name)[0]
    varies = X_train.std(axis=0) > 0  # some pixels of the digits never do
    assert varies.mean() > 0.9
    assert_allclose(X_train.mean(axis=0), 0, atol=1e-12)
    assert_allclose(X_train[:, varies].std(axis=0), 1)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_split_is_the_same_every_time(name):
    for first, second in zip(load_split(name)[:4], load_split(name)[:4], strict=True):
        assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_another_seed_gives_another_split(name):
    X_train, X_train_1 = load_split(name)[0], load_split(name, random_state=1)[0]
    assert not np.array_equal(X_train, X_train_1)


@pytest.mark.parametrize("name", sorted(set(BUILT_IN) - REGRESSION))
def test_splits_of_classes_are_stratified(name):
    _, y_train, _, y_test, _ = load_split(name)
    counts, in_test = (np.unique(y, return_counts=True)[1] for y in ([*y_train, *y_test], y_test))
    assert_allclose(in_test, counts * len(y_test) / counts.sum(), atol=1)


def test_the_test_part_is_scaled_by_the_training_part():
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, *_ = train_test_split(X, y, random_state=0, stratify=y)
    scaler = StandardScaler().fit(X_train)
    assert_array_equal(load_split("breast_cancer")[2], scaler.transform(X_test))


def test_tutorial_data_keep_their_split_and_are_scaled_by_its_training_part():
    X_train, _, X_test, y_test = load_circles()
    scaler = StandardScaler().fit(X_train)
    assert_array_equal(load_split("circles")[2], scaler.transform(X_test))
    assert_array_equal(load_split("circles")[3], y_test)


def test_regression_targets_are_scaled_by_their_training_part():
    X, y = load_diabetes(return_X_y=True)
    _, _, y_train, y_test = train_test_split(X, y, random_state=0)
    scaler = StandardScaler().fit(y_train[:, np.newaxis])
    assert_allclose(load_split("diabetes")[1], scaler.transform(y_train[:, np.newaxis])[:, 0])
    assert_allclose(load_split("diabetes")[3], scaler.transform(y_test[:, np.newaxis])[:, 0])


def test_classes_stay_as_they_are():
    assert set(load_split("iris")[1]) == set(load_iris().target)


def test_the_task_can_be_chosen():
    *_, task = load_split("iris", task="regression")
    assert task == "regression"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"source": "irs"}, "DATA='irs' is not a known name; did you mean 'iris'?"),
        ({"source": "zzz"}, "known names: breast_cancer, circles"),
        ({"source": "no.csv", "target": "y"}, "DATA='no.csv': there is no such file"),
        ({"source": "iris", "target": "y"}, "target='y' is for CSV files; iris has its own"),
        ({"source": "iris", "task": "regress"}, "task='regress' must be 'classification'"),
    ],
)
def test_bad_arguments_are_named_with_the_way_out(arguments, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        load_split(**arguments)


# CSV files


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a CSV file of columns and returns its path."""

    def write_columns(**columns):
        lines = [",".join(columns)]
        lines += [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
        return write_text(tmp_path, "\n".join(lines))

    return write_columns


def write_text(folder, text, encoding="utf-8"):
    path = folder / "table.csv"
    path.write_text(text, encoding=encoding)
    return path


NUMBERS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3]
LETTERS = list("aabbaabbaabbaabb")


def test_a_table_of_numbers_and_names_is_split_and_standardized(write):
    table = write(x=NUMBERS, y=LETTERS)
    X = np.array(NUMBERS, dtype=float)[:, np.newaxis]
    X_train, X_test, y_train, y_test = train_test_split(
        X, np.array(LETTERS), random_state=0, stratify=LETTERS
    )
    scaler = StandardScaler().fit(X_train)
    expected = [scaler.transform(X_train), y_train, scaler.transform(X_test), y_test]
    for got, want in zip(load_split(table, target="y")[:4], expected, strict=True):
        assert_array_equal(got, want)


def test_columns_of_text_become_one_column_for_each_value(write):
    X_train, *_ = load_split(
        write(color=["red", "blue", "green", "red"] * 4, y=LETTERS), target="y"
    )
    assert X_train.shape == (12, 3)
    assert_array_equal(X_train.sum(axis=1), 1)


def test_text_that_only_the_test_part_has_is_encoded_as_zeros(write):
    table = write(name=[f"n{number}" for number in range(16)], x=NUMBERS, y=LETTERS)
    _, _, X_test, _, _ = load_split(table, target="y")
    assert_array_equal(X_test[:, 1:], 0)


def test_a_comma_in_quotes_is_part_of_a_value(tmp_path):
    rows = '"red, light",a\n"blue, dark",b\n' * 8
    X_train, y_train, *_ = load_split(write_text(tmp_path, "x,y\n" + rows), target="y")
    assert X_train.shape[1] == 2
    assert set(y_train) == {"a", "b"}


def test_a_column_name_may_have_a_comma(tmp_path):
    rows = '"x, cm",y\n' + "1,a\n2,b\n" * 8
    assert load_split(write_text(tmp_path, rows), target="y")[0].shape == (12, 1)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    "prefix", ["", "\ufeff", "\n\n"], ids=["plain", "byte order mark", "blank lines"]
)
def test_a_table_may_be_separated_by_commas_semicolons_or_tabs(tmp_path, separator, prefix):
    rows = [
        "w,x,y",
        *(f"{number},2,{letter}" for number, letter in zip(NUMBERS, LETTERS, strict=True)),
    ]
    expected = load_split(write_text(tmp_path, "\n".join(rows)), target="y")
    text = prefix + "\n".join(rows).replace(",", separator)
    for got, want in zip(load_split(write_text(tmp_path, text), target="y"), expected, strict=True):
        assert_array_equal(got, want)


def test_a_quoted_column_name_may_have_other_separators(tmp_path):
    rows = '"a;b;c;d",y\n' + "1,a\n2,b\n" * 8
    assert load_split(write_text(tmp_path, rows), target="y")[0].shape == (12, 1)


@pytest.mark.parametrize("mark", [".", ","])
def test_numbers_between_semicolons_may_have_decimal_commas(tmp_path, mark):
    rows = [f"{number}{mark}5;{letter}" for number, letter in zip(NUMBERS, LETTERS, strict=True)]
    X_train, *_ = load_split(write_text(tmp_path, "\n".join(["x;y", *rows])), target="y")
    assert X_train.shape == (12, 1)


def test_a_table_may_be_compressed(write):
    table = write(x=NUMBERS, y=LETTERS)
    compressed = table.with_suffix(".csv.gz")
    compressed.write_bytes(gzip.compress(table.read_bytes()))
    assert_array_equal(load_split(compressed, target="y")[0], load_split(table, target="y")[0])


def test_a_table_may_have_thousands_of_columns(write):
    columns = {f"{k}_{'x' * 70}": [0, 1] * 8 for k in range(2000)}
    assert load_split(write(**columns, y=LETTERS), target="y")[0].shape == (12, 2000)


def announced(table):
    messages = []
    load_split(table, target="y", announce=messages.append)
    return messages


def test_the_columns_of_a_table_are_announced(write):
    cities, flags = ["Rome", "Oslo", "Bern", "Rome"] * 4, [True, False, False, True] * 4
    assert announced(write(city=cities, a=NUMBERS, flag=flags, b=NUMBERS, y=LETTERS)) == [
        "7 features of 4 columns: a, b, city (text, 3 values), flag (true or false, 2 values)"
    ]


def test_one_column_is_announced_as_one(write):
    assert announced(write(a=NUMBERS, y=LETTERS)) == ["1 feature of 1 column: a"]


def test_many_columns_of_numbers_are_counted(write):
    numbers = {f"x{k}": NUMBERS for k in range(11)}
    assert announced(write(**numbers, color=["red", "blue"] * 8, y=LETTERS)) == [
        "13 features of 12 columns: 11 numeric, color (text, 2 values)"
    ]


def test_nothing_is_announced_for_built_in_data():
    load_split("iris", announce=lambda text: pytest.fail(text))


def test_integers_of_few_values_are_classes(write):
    _, y_train, _, _, task = load_split(write(x=NUMBERS, y=[0, 1] * 8), target="y")
    assert task == "classification"
    assert set(y_train) == {0, 1}


@pytest.mark.parametrize("y", [np.arange(24), np.arange(24) % 3 + 0.5])
def test_integers_of_many_values_and_fractions_are_a_regression(write, y):
    _, y_train, _, _, task = load_split(write(x=np.arange(24) ** 2, y=y), target="y")
    assert task == "regression"
    assert_allclose([y_train.mean(), y_train.std()], [0, 1], atol=1e-12)


def test_true_and_false_are_classes(write):
    assert load_split(write(x=NUMBERS, y=[True, False] * 8), target="y")[4] == "classification"


def test_a_class_with_a_single_sample_can_be_split(write):
    *_, task = load_split(write(x=NUMBERS, y=[*LETTERS[:-1], "rare"]), target="y")
    assert task == "classification"


def test_more_classes_than_test_samples_can_be_split(write):
    y_train = load_split(write(x=NUMBERS, y=list("abcdeabcdeabcdea")), target="y")[1]
    assert len(y_train) == 12


def test_a_path_may_be_a_path_object_or_a_string(write):
    table = write(x=NUMBERS, y=LETTERS)
    by_path, by_text = load_split(Path(table), target="y"), load_split(str(table), target="y")
    assert_array_equal(by_path[0], by_text[0])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "x,y\n" + "1,a\n2,b\n" * 8,
            "table.csv has no column target='z'; its columns are 'x', 'y'",
        ),
        ("", "table.csv is not a CSV file in UTF-8 with a header: No columns to parse"),
        ("x,z\n", "table.csv has 0 rows and 2 columns; it needs at least 8 rows"),
        ("z\n" + "1\n2\n" * 8, "table.csv has 16 rows and 1 columns; it needs"),
        ("x,z\n1,2\n1,2,3\n", "table.csv is not a CSV file in UTF-8 with a header: Error token"),
        ('"x,z\n1,2\n', "table.csv is not a CSV file in UTF-8 with a header: Error tokenizing"),
        ("x,z\n" + "1,a\n,b\n" * 8, "table.csv has missing or infinite values in 'x'; fill"),
        ("x,z\n" + "1,1\n2\n" * 8, "table.csv has missing or infinite values in 'z'; fill"),
        ("x,z\n" + "1,a\ninf,b\n" * 8, "table.csv has missing or infinite values in 'x'; fill"),
        ("x,z\n" + "1,a\n2,a\n" * 8, "target='z' has the same value 'a' in all samples"),
        ("x,z\n" + "1,3\n2,3\n" * 8, "target='z' has the same value 3 in all samples"),
    ],
)
def test_an_unusable_table_is_named_with_the_reason(tmp_path, text, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        load_split(write_text(tmp_path, text), target="z")


def test_a_table_without_a_target_lists_its_columns(write):
    complaint = "table.csv needs a target; its columns are 'x', 'y'"
    with pytest.raises(ValueError, match=re.escape(complaint)):
        load_split(write(x=NUMBERS, y=LETTERS))


def test_a_table_that_is_not_utf_8_says_so(tmp_path):
    table = write_text(tmp_path, "größe,y\n" + "1,a\n2,b\n" * 8, encoding="latin-1")
    with pytest.raises(ValueError, match="not a CSV file in UTF-8 with a header: 'utf-8' codec"):
        load_split(table, target="y")


def test_regression_on_text_is_refused(write):
    with pytest.raises(ValueError, match="task='regression' needs numbers, but target='y' has '"):
        load_split(write(x=NUMBERS, y=LETTERS), target="y", task="regression")


def test_fractions_as_classes_are_refused(write):
    with pytest.raises(ValueError, match="which cannot be classes; use task='regression'"):
        load_split(write(x=NUMBERS, y=[0.5, 1.5] * 8), target="y", task="classification")


def test_as_many_classes_as_samples_are_refused(write):
    complaint = (
        "12 different values in 12 training samples, which cannot be classes; choose another"
    )
    with pytest.raises(ValueError, match=complaint):
        load_split(write(x=NUMBERS, y=[f"n{number}" for number in range(16)]), target="y")


def test_reading_a_table_without_pandas_names_the_extra(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        ImportError, match=re.escape("(the extra skinit[pandas]): pip install pandas")
    ):
        load_split(write(x=NUMBERS, y=LETTERS), target="y")
