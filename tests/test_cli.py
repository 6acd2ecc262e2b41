"""The command line: what each command prints, which files it writes, how it reports errors."""

import contextlib
import importlib.util
import io
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pytest

import skinit
from skinit import InitMLPClassifier
from skinit.catalogue import catalogue
from skinit.cli import commands, main
from skinit.cli.commands import COMMANDS, print_outcomes
from skinit.cli.parser import join_names, widths
from skinit.comparison import InitComparison, InitRun
from skinit.datasets import BUILT_IN
from skinit.initializers import INITIALIZERS

QUICK = ["--seeds", "1", "--max-iter", "3"]

NEEDS_RICH = pytest.mark.skipif(not importlib.util.find_spec("rich"), reason="needs rich")


@dataclass(frozen=True)
class Outcome:
    """Exit code, output and files of a command."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def pictures(self):
        return sorted(path.name for path in self.folder.glob("**/*.png"))


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self):
        return True


def run(folder, *words, err=None):
    """Run ``skinit`` with these arguments in a folder."""
    out, err = io.StringIO(), io.StringIO() if err is None else err
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            code = main([str(word) for word in words])
        except SystemExit as leave:
            code = leave.code
    return Outcome(code, out.getvalue(), err.getvalue(), folder)


@pytest.fixture(scope="module", autouse=True)
def plain_terminal():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.setenv("TERM", "xterm")
        mpl.use("Agg")
        patch.setattr("matplotlib.pyplot.show", lambda *_, **__: pytest.fail("opens a window"))
        yield


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return run(tmp_path_factory.mktemp("demo"), "demo", "--max-iter", 5, "--output", "pictures")


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    words = ["--init", "zeros", "--init", "he", "--init", "truncated_normal", "--max-iter", "20"]
    return run(tmp_path_factory.mktemp("iris"), "compare", "iris", *words)


@pytest.fixture(scope="module")
def diabetes(tmp_path_factory):
    words = ["--init", "random", "--init", "truncated_normal", "--max-iter", "20"]
    return run(tmp_path_factory.mktemp("diabetes"), "compare", "diabetes", *words)


@pytest.fixture
def table(tmp_path):
    """Write a table with two features, a name, a number and a constant."""
    rows = [f"{k % 7},{k % 5},{'ab'[k % 2]},{k * 1.5},1" for k in range(40)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["first,second,letter,number,same", *rows]))
    return path


# The demonstration


def test_demo_succeeds_and_writes_only_progress_to_standard_error(demo):
    assert demo.code == 0
    assert [line.split(":")[0] for line in demo.err.splitlines()] == ["circles"] * 3 + ["moons"] * 3


def test_demo_prints_both_tables_beside_the_published_results(demo):
    assert re.findall(r"widths (\S+),", demo.out) == ["2-10-5-1", "2-12-6-1"]
    assert demo.out.count("init ") == 2
    assert "0.8831 (0.8831)" in demo.out
    assert "1773.5860 (inf)" in demo.out


def test_demo_says_in_words_what_happened_with_each_initializer(demo):
    assert demo.out.count("zeros   all units of a layer stay identical") == 2
    assert demo.out.count("random  weights too large") == 2


def test_demo_writes_four_pictures_into_the_folder_that_it_names(demo):
    expected = [f"{d}_{what}.png" for d in ("circles", "moons") for what in ("boundaries", "loss")]
    assert demo.pictures == expected
    assert f"Pictures in {(demo.folder / 'pictures').resolve()}:" in demo.out
    assert all(name in demo.out for name in expected)


# Comparisons


def test_compare_describes_data_network_and_score(iris):
    assert iris.code == 0
    assert "iris: classification, 112 training and 38 test samples, 4 features" in iris.out
    assert "\n3 seeds of a 4-10-5-3 network: relu, gd, learning rate 0.1, 20 iter" in iris.out
    assert "(the score is accuracy; mean ± standard deviation over the seeds)" in iris.out


def test_compare_has_one_row_and_one_verdict_for_each_initializer(iris):
    table, verdicts = iris.out.split("What happened")
    for name in ("zeros", "he", "truncated_normal"):
        assert len(re.findall(rf"^{name} .* ± ", table, re.MULTILINE)) == 1
        assert len(re.findall(rf"^  {name} ", verdicts, re.MULTILINE)) == 1
    assert " ".join(verdicts.split()).count("the median)") == 3


def test_compare_draws_the_loss_of_data_with_many_features(iris):
    assert iris.pictures == ["iris_loss.png"]
    assert f"Pictures in {(iris.folder / 'skinit-output').resolve()}:\niris_loss.png" in iris.out


def test_compare_scores_a_regression_by_r2(diabetes):
    assert diabetes.code == 0
    assert "diabetes: regression, 331 training and 111 test samples, 10 features" in diabetes.out
    assert "(the score is R^2;" in diabetes.out


@pytest.mark.parametrize(
    ("target", "task"), [("letter", "classification"), ("number", "regression")]
)
def test_compare_reads_a_table(table, target, task):
    words = ["compare", table, "--target", target, "--init", "he", *QUICK]
    out = " ".join(run(table.parent, *words).out.split())
    columns = {
        "letter": "4 features of 4 columns: first, second, number, same",
        "number": "5 features of 4 columns: first, second, same, letter (text, 2 values)",
    }
    assert f"table: {task}, 30 training and 10 test samples, {columns[target]} 1 seed of" in out


def test_compare_draws_boundaries_of_data_with_two_features(tmp_path):
    outcome = run(tmp_path, "compare", "moons", "--init", "he", *QUICK)
    assert outcome.pictures == ["moons_boundaries.png", "moons_loss.png"]


def test_compare_draws_boundaries_of_a_regression(tmp_path):
    rows = [f"{k % 7},{k % 5},{k * 1.5}" for k in range(40)]
    (tmp_path / "plane.csv").write_text("\n".join(["x,y,z", *rows]))
    outcome = run(tmp_path, "compare", "plane.csv", "--target", "z", "--init", "he", *QUICK)
    assert outcome.pictures == ["plane_boundaries.png", "plane_loss.png"]


def test_compare_makes_the_folder_and_its_parents(tmp_path):
    words = ["compare", "iris", "--init", "he", *QUICK, "--output", "a/b"]
    assert (run(tmp_path, *words).folder / "a" / "b" / "iris_loss.png").is_file()


def test_compare_with_one_seed_mentions_no_median(tmp_path):
    outcome = run(tmp_path, "compare", "iris", "--init", "he", *QUICK)
    assert "(the score is accuracy)" in outcome.out
    assert "median" not in outcome.out


def test_compare_names_the_seeds_with_another_verdict_than_the_median(capsys):
    def made_up_run(seed, loss, outcome):
        return InitRun("he", seed, 1.0, loss, 0.5, 0.5, outcome, None)

    runs = [(0, 3.0, "overfits: a"), (1, 0.1, "learns: b"), (2, 1.0, "learns: c"),
            (3, 2.0, "overfits: d"), (4, 0.2, "diverged: e")]  # fmt: skip
    print_outcomes(InitComparison(tuple(made_up_run(*run) for run in runs)))
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.endswith(
        "learns: c (seed 2, the median; seeds 0, 3: overfits; seed 4: diverged)"
    )


def test_compare_passes_settings_to_the_network(tmp_path, monkeypatch):
    seen = []
    fit = InitMLPClassifier.fit
    monkeypatch.setattr(
        InitMLPClassifier, "fit", lambda self, X, y: seen.append(self) or fit(self, X, y)
    )
    words = ["--hidden", "4, 3", "--activation", "tanh", "--learning-rate", "0.5"]
    run(tmp_path, "compare", "wine", "--init", "lecun", "--max-iter", "2", "--seeds", "2", *words)
    assert [model.random_state for model in seen] == [0, 1]
    model = seen[0]
    assert (model.hidden_layer_sizes, model.activation) == ((4, 3), "tanh")
    assert (model.learning_rate, model.init, model.max_iter) == (0.5, "lecun", 2)


@pytest.mark.parametrize(
    "words",
    [
        "iris --init he glorot zeros --seeds 1",
        "iris --init he,glorot zeros --seeds 1",
        "iris --init he, glorot, zeros --seeds 1",
        "iris --init he --init glorot zeros --seeds 1",
        "iris --seeds 1 --init=he glorot zeros",
        "--seeds 1 --init he glorot zeros iris",
    ],
)
def test_several_initializers_can_be_given_in_any_way(words, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setitem(COMMANDS, "compare", lambda arguments: seen.append(arguments) or 0)
    run(tmp_path, "compare", *words.split())
    assert [(each.data, each.init, each.seeds) for each in seen] == [
        ("iris", ["he", "glorot", "zeros"], 1)
    ]


@pytest.mark.parametrize(
    "words", ["compare he --init zeros", "compare --init zeros he.csv", "list he zeros", "--init"]
)
def test_only_names_that_follow_the_first_one_of_init_are_joined(words):
    assert join_names(words.split()) == words.split()


def test_no_initializer_has_the_name_of_a_data_set():
    """Otherwise ``--init he NAME`` would have two meanings."""
    assert set(INITIALIZERS).isdisjoint(BUILT_IN)


def test_names_of_initializers_are_safe_in_file_names():
    assert [name for name in INITIALIZERS if not re.fullmatch(r"\w+", name)] == []


@pytest.mark.parametrize(
    ("text", "layers"),
    [("64", (64,)), ("64x20", (64,) * 20), ("64x3,32", (64, 64, 64, 32)), ("8, 4X2", (8, 4, 4))],
)
def test_a_width_with_a_factor_is_that_many_layers(text, layers):
    assert widths(text) == layers


def test_compare_chooses_rate_and_iterations_by_the_solver(tmp_path, monkeypatch):
    seen = []
    fit = InitMLPClassifier.fit
    monkeypatch.setattr(
        InitMLPClassifier, "fit", lambda self, X, y: seen.append(self) or fit(self, X, y)
    )
    for words in ([], ["--learning-rate", "0.5"]):
        words = ["--solver", "adam", "--seeds", "1", *words]
        run(tmp_path, "compare", "wine", "--init", "he", *words)
    assert [model.solver for model in seen] == ["adam", "adam"]
    assert [model.learning_rate for model in seen] == [0.01, 0.5]
    assert [model.max_iter for model in seen] == [200, 200]


@pytest.mark.parametrize("rate", ["5", "100", "1e300"])
def test_a_diverging_learning_rate_is_an_outcome_and_not_an_error(rate, tmp_path):
    words = ["--activation", "identity", "--learning-rate", rate, "--max-iter", "300"]
    outcome = run(tmp_path, "compare", "diabetes", "--init", "he", "--seeds", "2", *words)
    assert outcome.code == 0
    assert "  he  diverged: the loss stopped being finite at iteration" in outcome.out
    assert outcome.pictures == ["diabetes_loss.png"]


def test_the_boundaries_of_a_diverged_regression_are_drawn(tmp_path):
    rows = [f"{k % 7},{k % 5},{k * 1.5}" for k in range(40)]
    (tmp_path / "plane.csv").write_text("\n".join(["x,y,z", *rows]))
    words = ["--init", "he", "--learning-rate", "5", "--max-iter", "999", "--seeds", "1"]
    outcome = run(tmp_path, "compare", "plane.csv", "--target", "z", *words)
    assert outcome.code == 0
    assert len(outcome.pictures) == 2


# The diagnosis


@pytest.fixture(scope="module")
def zeros(tmp_path_factory):
    words = ["--hidden", "64,64,64", "--activation", "tanh", "--init", "zeros"]
    return run(tmp_path_factory.mktemp("zeros"), "diagnose", "wine", *words)


def test_diagnose_prints_the_verdict_the_layers_and_the_recommendation(zeros):
    assert (zeros.code, zeros.err) == (0, "")
    assert zeros.out.startswith("Diagnosis of Zeros() in a 13-64-64-64-3 network: worst finding: s")
    assert len(re.findall(r"^[1-4]  +\d+ ", zeros.out, re.MULTILINE)) == 4
    assert "severe: layers 1 to 3: all units are identical" in zeros.out
    assert "recommended: use init='glorot'" in zeros.out


def test_diagnose_writes_three_pictures_into_the_folder_that_it_names(zeros):
    kinds = ("activations", "jacobian", "signal")
    assert zeros.pictures == [f"wine_zeros_{kind}.png" for kind in kinds]
    assert f"Pictures in {(zeros.folder / 'skinit-output').resolve()}:" in zeros.out


@pytest.mark.parametrize(
    ("words", "solver", "rate"),
    [
        ([], "gd", 0.1),
        (["--solver", "adam"], "adam", 0.01),
        (["--solver", "sgd", "--learning-rate", "0.3"], "sgd", 0.3),
    ],
)
def test_diagnose_passes_solver_and_learning_rate_to_the_network(
    words, solver, rate, tmp_path, monkeypatch
):
    def look(model, X, y):
        assert (model.solver, model.learning_rate) == (solver, rate)
        raise ValueError("seen")

    monkeypatch.setattr(commands, "diagnose", look)
    assert "seen" in run(tmp_path, "diagnose", "iris", *words).err


def test_diagnose_reports_a_learning_rate_that_is_too_high(tmp_path):
    outcome = run(tmp_path, "diagnose", "iris", "--learning-rate", "1e5")
    assert outcome.code == 0
    line = r"^learning_rate is 100000; the largest stable one is \S+$"
    assert re.search(line, outcome.out, re.MULTILINE)
    assert "\nsevere: learning_rate=1e5 is above " in outcome.out


def test_diagnose_reads_a_table_and_draws_the_weights_from_the_seed(table):
    words = ["diagnose", table, "--target", "number"]
    outcomes = [run(table.parent, *words, "--seed", seed).out for seed in (0, 0, 1)]
    columns, diagnosis = outcomes[0].split("\n\n")[:2]
    assert " ".join(columns.split()) == (
        "table: regression, 30 training samples, 5 features of 4 columns: first, second, same, "
        "letter (text, 2 values)"
    )
    assert diagnosis.startswith("Diagnosis of He() in a 5-10-5-1 network: ")
    assert outcomes[0] == outcomes[1] != outcomes[2]


# The catalogue


def test_list_is_the_catalogue(tmp_path):
    assert run(tmp_path, "list").out.startswith(repr(catalogue()))


def test_list_with_a_name_shows_its_entry_and_which_others_mention_it(tmp_path):
    first, *others = catalogue().search("he")
    shown, also = run(tmp_path, "list", "he").out.split("\n\n")
    assert shown == str(first)
    assert also.startswith("Also mentioned by ('skinit list he --long' shows them): ")
    assert set(also.partition(": ")[2].split()) >= {f"{entry.name}," for entry in others[:-1]}


def test_list_with_words_shows_the_closest_entries_and_names_the_others(tmp_path):
    found = catalogue().search("relu", "deep")
    closest = found.closest("relu", "deep")
    shown, also = run(tmp_path, "list", "relu", "deep").out.split("\n\nAlso ")
    assert shown == "\n\n".join(map(str, closest))
    names = " ".join(also.partition("): ")[2].split())
    assert names == ", ".join(entry.name for entry in found if entry not in closest)


def test_a_long_list_with_words_shows_every_entry_that_has_them(tmp_path):
    found = catalogue().search("relu", "deep")
    out = run(tmp_path, "list", "relu", "deep", "--long").out
    assert out == "\n\n".join(map(str, found)) + "\n"


def test_list_searches_the_references_if_nothing_else_matches(tmp_path):
    found = catalogue().search("2015")
    assert run(tmp_path, "list", "2015").out == "\n\n".join(map(str, found)) + "\n"


def test_a_long_list_shows_every_entry(tmp_path):
    out = run(tmp_path, "list", "--long").out
    assert out == "\n\n".join(map(str, catalogue())) + "\n"


# Help and version


def test_help_of_the_program_names_its_commands_and_has_examples(tmp_path):
    out = run(tmp_path, "--help").out
    assert "examples:\n  skinit demo\n" in out
    assert all(f"\n    {command} " in out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_examples(command, tmp_path):
    outcome = run(tmp_path, command, "--help")
    assert outcome.code == 0
    assert re.search(rf"\nexamples?:\n  skinit {command}", outcome.out)


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_in_the_help_can_be_parsed(command, tmp_path, monkeypatch):
    monkeypatch.setitem(COMMANDS, command, lambda arguments: 0)
    help_text = run(tmp_path, command, "--help").out
    for example in re.findall(r"^  skinit (.*)$", help_text, re.MULTILINE):
        assert run(tmp_path, *example.split()).code == 0


def test_without_a_command_the_help_is_shown(tmp_path):
    assert run(tmp_path) == run(tmp_path, "--help")


def test_python_m_skinit_is_the_command_line():
    command = [sys.executable, "-m", "skinit", "--version"]
    done = subprocess.run(
        command, cwd=Path(skinit.__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"skinit {skinit.__version__}\n"


@pytest.mark.parametrize(
    "words", [["--help"], ["list"], ["list", "--long"], *([c, "--help"] for c in COMMANDS)]
)
def test_help_and_lists_fit_into_80_columns(words, tmp_path):
    assert max(map(len, run(tmp_path, *words).out.splitlines())) <= 80


@pytest.mark.parametrize("command", ["demo", "iris", "diabetes", "zeros"])
def test_results_fit_into_80_columns(command, request):
    outcome = request.getfixturevalue(command)
    lines = [x for x in outcome.out.splitlines() if not x.startswith("Pictures in ")]
    assert max(map(len, lines)) <= 80


# Mistakes

IRIS = ["compare", "iris", "--init", "he"]
TABLE = ["compare", "table.csv", "--init", "he", "--target"]
MISTAKES = {
    "unknown command": (["dmo"], "invalid choice: 'dmo'"),
    "unknown option": (["demo", "--iterations", "3"], "unrecognized arguments: --iterations"),
    "one word too many": (["demo", "he"], "unrecognized arguments: he"),
    "nothing of that word": (["list", "rellu"], "has the word 'rellu'; did you mean 'relu', "),
    "no data": (["compare", "--init", "he"], "arguments are required: DATA"),
    "no init": (["compare", "iris"], "arguments are required: --init"),
    "unknown data": (["compare", "zzz", "--init", "he"], "known names: breast_cancer, circles"),
    "a misspelt initializer after another": (
        ["compare", "iris", "--init", "he", "glorto"],
        "unrecognized arguments: glorto; did you mean 'glorot'",
    ),
    "an initializer without --init": (
        ["compare", "iris", "zeros", "--init", "he"],
        "unrecognized arguments: zeros; the names of all initializers follow --init, as in",
    ),
    "two data sets": (["compare", "iris", "moons", "--init", "he"], "arguments: moons (see"),
    "an initializer with settings": (
        ["compare", "iris", "--init", "He(gain=2)"],
        "argument --init: 'He(gain=2)' is not a name; settings of an initializer can be given in",
    ),
    "an initializer with settings after another": (
        ["compare", "iris", "--init", "he", "He(gain=2)"],
        "He(gain=2); settings of an initializer can be given in Python",
    ),
    "an empty name": (["compare", "iris", "--init", ","], "init=',' is not a known name"),
    "misspelt data": (["compare", "irs", "--init", "he"], "did you mean 'iris'?"),
    "misspelt init": (["compare", "iris", "--init", "he_norml"], "did you mean 'he_normal', "),
    "init like no other": (["diagnose", "iris", "--init", "xyz"], "known name; 'skinit list'"),
    "misspelt solver": ([*IRIS, "--solver", "adma"], "did you mean 'adam'?"),
    "misspelt solver to diagnose": (["diagnose", "iris", "--solver", "adma"], "mean 'adam'?"),
    "a rate for lbfgs": (
        [*IRIS, "--solver", "lbfgs", "--learning-rate", "1"],
        "--learning-rate does not apply to --solver lbfgs, which chooses its own step",
    ),
    "two initializers to diagnose": (
        ["diagnose", "iris", "--init", "he,zeros"],
        "diagnose takes one initializer in --init; 'skinit compare' takes several",
    ),
    "misspelt activation": ([*IRIS, "--activation", "rleu"], "did you mean 'relu'?"),
    "misspelt task": ([*IRIS, "--task", "regress"], "invalid choice: 'regress'"),
    "no number": ([*IRIS, "--max-iter", "many"], "'many' is not a positive integer"),
    "negative number": ([*IRIS, "--max-iter", "-3"], "'-3' is not a positive integer"),
    "zero": ([*IRIS, "--seeds", "0"], "'0' is not a positive integer"),
    "fraction": ([*IRIS, "--seeds", "1.5"], "'1.5' is not a positive integer"),
    "rate that is no number": ([*IRIS, "--learning-rate", "x"], "'x' is not a positive number"),
    "negative rate": ([*IRIS, "--learning-rate", "-1"], "'-1' is not a positive number"),
    "rate of zero": ([*IRIS, "--learning-rate", "0"], "'0' is not a positive number"),
    "rate nan": ([*IRIS, "--learning-rate", "nan"], "'nan' is not a positive number"),
    "infinite rate": ([*IRIS, "--learning-rate", "inf"], "'inf' is not a positive number"),
    "misspelt init to diagnose": (["diagnose", "iris", "--init", "hee"], "did you mean 'he' or "),
    "seed that is no number": (["diagnose", "iris", "--seed", "x"], "invalid int value: 'x'"),
    "data to diagnose": (["diagnose", "irs"], "did you mean 'iris'?"),
    "empty hidden": ([*IRIS, "--hidden", ""], "but '' is neither"),
    "hidden with a hole": ([*IRIS, "--hidden", "3,,3"], "'3,,3' must be widths, positive integers"),
    "hidden of zero": ([*IRIS, "--hidden", "3,0"], "but '0' is neither"),
    "no layers": ([*IRIS, "--hidden", "64x0"], "but '64x0' is neither"),
    "layers of nothing": ([*IRIS, "--hidden", "x3"], "but 'x3' is neither"),
    "hidden as in a formula": ([*IRIS, "--hidden", "64*3"], "64x20 stands for 20 layers of 64"),
    "two factors": ([*IRIS, "--hidden", "64x2x2"], "but '64x2x2' is neither"),
    "target of built-in": ([*IRIS, "--target", "y"], "is for CSV files; iris has its own"),
    "classes of fractions": (
        ["compare", "diabetes", "--init", "he", "--task", "classification"],
        "use task='regression'",
    ),
    "no such file": (["compare", "no.csv", "--init", "he", "--target", "y"], "no such file"),
    "a folder": (["compare", ".", "--init", "he", "--target", "y"], "DATA='.'"),
    "no target": (TABLE[:-1], "table.csv needs a target; its columns are 'first', 'second'"),
    "no such column": ([*TABLE, "Letter"], "table.csv has no column target='Letter'; its columns"),
    "regression on text": ([*TABLE, "letter", "--task", "regression"], "needs numbers, but target"),
    "one value only": ([*TABLE, "same"], "has the same value 1 in all samples"),
    "a file as folder": (
        [*IRIS, "--output", "table.csv"],
        "--output 'table.csv' must be a new folder",
    ),
    "a folder in a file": (["demo", "--output", "table.csv/x"], "must be a new folder"),
    "a folder of the system": (
        ["demo", "--output", "/proc"],
        "--output '/proc' must be a new folder",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_in_one_line_with_exit_code_2(name, table):
    words, complaint = MISTAKES[name]
    outcome = run(table.parent, *words)
    assert outcome.code == 2
    assert outcome.out == ""
    (line,) = outcome.err.splitlines()
    assert re.fullmatch(r"skinit( \w+)?: error: .* \(see 'skinit( \w+)? --help'\)", line)
    assert complaint in line


@pytest.mark.parametrize(
    "content",
    [b"", b"first,letter\n1\n", b"first,letter\n1,a,b,c\n2,3\n1,2,3,4,5,6\n", b"\xff\xfe\x00y"],
    ids=["empty", "short", "ragged", "not UTF-8"],
)
def test_a_broken_table_is_reported_in_one_line_that_names_it(content, table):
    table.write_bytes(content)
    outcome = run(table.parent, *TABLE, "letter")
    assert (outcome.code, outcome.out) == (2, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith("skinit compare: error: table.csv ")


def test_reading_a_table_without_pandas_names_the_extra(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    outcome = run(table.parent, *TABLE, "letter")
    assert (outcome.code, outcome.out) == (2, "")
    assert "(the extra skinit[pandas]): pip install pandas" in outcome.err


def test_a_mistake_leaves_no_folder_behind(table):
    run(table.parent, *TABLE, "nothing")
    run(table.parent, "compare", "iris", "--init", "hee")
    assert [path.name for path in table.parent.iterdir()] == ["table.csv"]


def test_running_out_of_memory_is_reported_without_a_traceback(tmp_path, monkeypatch):
    def fit(*_):
        raise MemoryError("Unable to allocate 60 GiB")

    monkeypatch.setattr(InitMLPClassifier, "fit", fit)
    outcome = run(tmp_path, *IRIS)
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith("skinit compare: error: Unable to allocate")


# Interrupts


def interrupt_fit(number, monkeypatch):
    """Simulate Ctrl-C in the fit with this number, counted from 1."""
    fit, fits = InitMLPClassifier.fit, []

    def fit_or_press(self, X, y):
        fits.append(self)
        if len(fits) == number:
            raise KeyboardInterrupt
        return fit(self, X, y)

    monkeypatch.setattr(InitMLPClassifier, "fit", fit_or_press)


def test_ctrl_c_in_a_comparison_reports_the_finished_runs(tmp_path, monkeypatch):
    interrupt_fit(3, monkeypatch)
    words = ["--init", "he", "--init", "zeros", "--seeds", "2", "--max-iter", "3"]
    outcome = run(tmp_path, "compare", "iris", *words)
    assert outcome.code == 130
    assert outcome.err.splitlines()[-1] == "interrupted"
    assert re.search(r"^he .* ± ", outcome.out, re.MULTILINE)
    assert "zeros" not in outcome.out
    assert outcome.pictures == ["iris_loss.png"]


def test_ctrl_c_in_the_demo_reports_the_finished_runs(tmp_path, monkeypatch):
    interrupt_fit(5, monkeypatch)
    outcome = run(tmp_path, "demo", "--max-iter", 3)
    assert outcome.code == 130
    assert len(outcome.pictures) == 4
    assert "Pictures in " in outcome.out
    assert "Two moons" in outcome.out
    assert "0.5565 (0.6978)" not in outcome.out


def test_ctrl_c_in_the_first_run_prints_no_result(tmp_path, monkeypatch):
    interrupt_fit(1, monkeypatch)
    outcome = run(tmp_path, *IRIS)
    assert (outcome.code, outcome.out, outcome.pictures) == (130, "", [])


def test_a_closed_pipe_is_not_an_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "skinit", "list"], cwd=Path(skinit.__file__).parents[1],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.close()
    with process.stderr as err:
        assert err.read() == b""
    assert process.wait() == 0


# Progress


def test_each_run_is_announced_on_standard_error(iris):
    lines = [
        f"iris: run {3 * k + seed + 1} of 9, {name}, seed {seed}"
        for k, name in enumerate(["zeros", "he", "truncated_normal"])
        for seed in range(3)
    ]
    assert iris.err.splitlines() == lines


def test_progress_is_not_on_standard_output(iris):
    assert "run 1 of" not in iris.out


def test_without_rich_progress_is_lines_on_a_terminal_too(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    outcome = run(tmp_path, *IRIS, *QUICK, err=Terminal())
    assert outcome.code == 0
    assert outcome.err == "iris: run 1 of 1, he, seed 0\n"


@NEEDS_RICH
def test_with_rich_a_terminal_gets_a_bar_that_is_erased_at_the_end(tmp_path):
    outcome = run(tmp_path, *IRIS, *QUICK, err=Terminal())
    assert "iris: he, seed 0" in outcome.err
    assert outcome.err.endswith("\x1b[2K")  # the escape sequence that erases the line


@NEEDS_RICH
def test_with_rich_an_error_during_training_is_reported(tmp_path, monkeypatch):
    def fit(*_):
        raise ValueError("too late")

    monkeypatch.setattr(InitMLPClassifier, "fit", fit)
    outcome = run(tmp_path, *IRIS, err=Terminal())
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.endswith("skinit compare: error: too late (see 'skinit compare --help')\n")


@NEEDS_RICH
def test_results_are_the_same_with_a_bar(tmp_path):
    without = run(tmp_path, *IRIS, *QUICK).out
    assert run(tmp_path, *IRIS, *QUICK, err=Terminal()).out == without
