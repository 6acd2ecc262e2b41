"""Comparing initializers: the results of each run, and the outcome in words."""

import re
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.preprocessing import scale

from skinit import Activation, InitMLPClassifier, InitMLPRegressor, load_circles
from skinit._support import format_loss, format_score, text_table
from skinit.activations import ReLU
from skinit.comparison import (
    InitComparison,
    InitRun,
    compare_inits,
    describe_outcome,
)
from skinit.estimators import loss_and_targets
from skinit.initializers import He, Normal, Zeros
from skinit.losses import baseline_loss


def compare(inits=("zeros", "he"), max_iter=20, random_states=(3, 0), announce=None, **settings):
    model = InitMLPClassifier(max_iter=max_iter, **settings)
    return compare_inits(
        model, inits, *load_circles(), random_states=random_states, announce=announce
    )


@pytest.fixture(scope="module")
def comparison():
    return compare()


def made_up_run(
    init="he", random_state=0, initial_loss=1.0, final_loss=0.5, score=0.9, outcome="learns"
):
    return InitRun(init, random_state, initial_loss, final_loss, score, score, outcome, None)


# Results of the runs


def test_runs_are_ordered_by_init_then_seed(comparison):
    order = [(run.init, run.random_state) for run in comparison.runs]
    assert order == [("zeros", 3), ("zeros", 0), ("he", 3), ("he", 0)]


def test_a_run_is_the_fit_with_its_init_and_seed(comparison):
    X_train, y_train, _, _ = load_circles()
    alone = InitMLPClassifier(init="he", max_iter=20, random_state=0).fit(X_train, y_train)
    assert_array_equal(comparison.runs[3].estimator.coefs_[0], alone.coefs_[0])


def test_gaussian_weights_of_one_seed_differ_in_scale_only():
    normal, he = compare(["normal", "he"], max_iter=1, random_states=[7]).runs
    ratio = he.estimator.initial_coefs_[0] / normal.estimator.initial_coefs_[0]
    assert_allclose(ratio, ratio[0, 0])


def test_losses_and_scores_are_those_of_the_fitted_model(comparison):
    X_train, y_train, X_test, y_test = load_circles()
    run = comparison.runs[2]
    assert run.initial_loss == run.estimator.loss_curve_[0]
    assert_allclose(run.final_loss, log_loss(y_train, run.estimator.predict_proba(X_train)))
    assert run.train_score == np.mean(run.estimator.predict(X_train) == y_train)
    assert run.test_score == np.mean(run.estimator.predict(X_test) == y_test)


def test_inits_are_named_once_each(comparison):
    assert comparison.inits == ["zeros", "he"]


def test_runs_of_an_init_are_found_by_its_name(comparison):
    assert comparison.of("he") == list(comparison.runs[2:])


def test_fitted_models_come_by_name(comparison):
    assert comparison.estimators()["he"] == [run.estimator for run in comparison.runs[2:]]


def test_a_dict_gives_names_to_objects():
    assert compare({"small": Normal(std=0.1), "none": Zeros()}).inits == ["small", "none"]


def test_an_object_is_named_by_its_repr():
    assert compare([He(gain=0.5)]).inits == ["He(gain=0.5)"]


def test_the_given_estimator_and_inits_are_not_changed():
    model, init = InitMLPClassifier(max_iter=2), He()
    compare_inits(model, {"he": init}, *load_circles())
    assert model.init == "he"
    assert model.random_state is None
    with pytest.raises(NotFittedError):
        model.predict([[0, 0]])


def test_announce_is_called_before_each_run():
    calls = []
    compare(["zeros", "he"], announce=lambda *call: calls.append(call))
    names = ["zeros, seed 3", "zeros, seed 0", "he, seed 3", "he, seed 0"]
    assert calls == [(number, 4, name) for number, name in enumerate(names)]


def test_to_dict_has_one_entry_for_each_run(comparison):
    columns = comparison.to_dict()
    assert columns["init"] == ["zeros", "zeros", "he", "he"]
    assert columns["random_state"] == [3, 0, 3, 0]
    assert {len(column) for column in columns.values()} == {4}
    assert "estimator" not in columns


def test_to_frame_has_the_columns_of_to_dict(comparison):
    frame = comparison.to_frame()
    assert {name: frame[name].tolist() for name in frame} == comparison.to_dict()


def test_to_frame_without_pandas_names_the_extra(comparison, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        ImportError, match=re.escape("(the extra skinit[pandas]): pip install pandas")
    ):
        comparison.to_frame()


def test_a_misspelled_init_is_refused():
    with pytest.raises(ValueError, match="init='hee' is not a known name; did you mean 'he'"):
        compare(["hee"])


# What was trained


def test_a_comparison_describes_the_network_and_how_it_was_trained(comparison):
    assert comparison.trained == (
        "2 seeds of a 2-10-5-1 network: relu, gd, learning rate 0.01, 20 iterations"
    )


@pytest.mark.parametrize(
    ("settings", "description"),
    [
        ({"solver": "adam", "learning_rate": 0.5}, "relu, adam, learning rate 0.5, 1 epoch"),
        ({"solver": "lbfgs"}, "relu, lbfgs, 1 iteration"),
        ({"activation": ReLU()}, "ReLU(), gd, learning rate 0.01, 1 iteration"),
    ],
)
def test_only_settings_that_a_solver_has_are_listed(settings, description):
    assert (
        compare(["he"], 1, [0], **settings).trained
        == f"1 seed of a 2-10-5-1 network: {description}"
    )


def test_many_widths_are_described_by_the_number_of_layers():
    deep = compare(["he"], 1, [0], hidden_layer_sizes=(8,) * 30)
    assert deep.trained.startswith("1 seed of a network of 31 layers: ")


def test_a_diverged_run_counts_the_iterations_that_it_did():
    X, y = load_diabetes(return_X_y=True)
    model = InitMLPRegressor(activation="identity", max_iter=300, learning_rate=1.0)
    comparison = compare_inits(model, ["he", "zeros"], X, y, X, y)
    shortest = comparison.runs[0].estimator.n_iter_
    assert shortest < 300
    assert comparison.trained.endswith(f", {shortest} to 300 iterations")


def test_nothing_was_trained_by_a_comparison_without_runs():
    assert InitComparison(()).trained == ""


# Runs that end otherwise


def test_a_diverged_run_is_described_in_words_and_the_others_continue():
    X, y = load_diabetes(return_X_y=True)  # y is not standardized: steps are far too long
    model = InitMLPRegressor(activation="identity", max_iter=300, learning_rate=1.0)
    he, zeros = compare_inits(model, ["he", "zeros"], X, y, X, y).runs
    assert he.outcome.startswith("diverged: the loss stopped being finite at iteration ")
    assert np.isfinite([he.initial_loss, he.final_loss, he.train_score]).all()
    assert zeros.outcome.startswith("all units of a layer stay identical")


def test_a_run_whose_initial_loss_is_not_finite_has_no_scores():
    X = np.array([[1e38], [-1e38]] * 5, dtype=np.float32)
    model = InitMLPRegressor(activation="identity", max_iter=5)
    (run,) = compare_inits(model, ["random"], X, X[:, 0] / 1e38, X, X[:, 0] / 1e38).runs
    assert run.outcome.startswith("diverged: the initial loss is")
    assert not np.isfinite(run.initial_loss)
    assert np.isnan([run.train_score, run.test_score]).all()


def test_scores_too_low_for_a_number_do_not_stop_the_others():
    X = np.array([[1.0], [-1.0]] * 50)  # each step multiplies the loss by 1.5
    model = InitMLPRegressor((), learning_rate=1 + 1.5**0.5, max_iter=2000)
    he, zeros = compare_inits(model, ["he", "zeros"], X, X[:, 0], X, X[:, 0]).runs
    assert he.final_loss > 1e305
    assert he.train_score == zeros.train_score == -np.inf


def interrupt_at(call):
    """Return a callable that presses Ctrl-C at one of its calls."""
    calls = []

    def press(*_):
        calls.append(0)
        if len(calls) == call:
            raise KeyboardInterrupt

    return press


def test_an_interrupt_while_training_keeps_the_complete_runs():
    press = interrupt_at(50)

    def value(z):
        press()
        return np.maximum(z, 0)

    activation = Activation(value, lambda z: (z > 0).astype(float))
    comparison = compare(["he", "glorot", "lecun"], 10, [0], activation=activation)
    assert comparison.interrupted
    assert comparison.inits == ["he"]
    assert comparison.runs[0].estimator.n_iter_ == 10


@pytest.mark.parametrize("moment", ["announce", "score"])
def test_an_interrupt_between_fits_keeps_the_complete_runs(moment, monkeypatch):
    press = interrupt_at(2)
    if moment == "score":
        score = InitMLPClassifier.score
        # Two scores a run: the third call is in the second run.
        press = interrupt_at(3)
        monkeypatch.setattr(
            InitMLPClassifier, "score", lambda self, X, y: press() or score(self, X, y)
        )
    comparison = compare(announce=press if moment == "announce" else None)
    assert comparison.interrupted
    assert len(comparison.runs) == 1


def test_a_complete_comparison_is_not_interrupted(comparison):
    assert not comparison.interrupted


# The outcome in words


def fit(task, init, max_iter=100, learning_rate=0.5, **settings):
    """Train on two classes, on three, or on a number; return the model and its targets."""
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    if task == "regression":
        X, y = X[:, :3], X[:, 3]
    elif task == "binary":
        y = y == 0
    estimator = InitMLPRegressor if task == "regression" else InitMLPClassifier
    model = estimator(
        init=init, max_iter=max_iter, learning_rate=learning_rate, random_state=0, **settings
    )
    return model.fit(X, y), y


TASKS = pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
constant_predictions = pytest.mark.filterwarnings("ignore:the predictions are the same")


@TASKS
@constant_predictions
def test_zeros_are_recognized_by_their_identical_units(task):
    outcome = describe_outcome(*fit(task, "zeros"))
    assert outcome.startswith("all units of a layer stay identical: the symmetry never breaks")


@constant_predictions
def test_the_loss_of_zeros_on_balanced_classes_never_moves():
    X, y, _, _ = load_circles()
    model = InitMLPClassifier(init="zeros", max_iter=20).fit(X, y)
    assert describe_outcome(model, y).endswith(
        "the symmetry never breaks, and the loss never moves"
    )


@constant_predictions
def test_the_loss_of_zeros_on_unbalanced_classes_hardly_falls():
    assert describe_outcome(*fit("binary", "zeros", max_iter=2)).endswith("the loss hardly falls")


def test_of_identical_units_that_learn_the_loss_is_not_said_to_stay():
    outcome = describe_outcome(*fit("regression", "constant", learning_rate=0.05))
    assert outcome == "all units of a layer stay identical: the symmetry never breaks"


@TASKS
def test_large_weights_are_recognized_by_their_initial_loss(task):
    model, y = fit(task, Normal(std=3), max_iter=1, learning_rate=1e-9)
    times = model.loss_curve_[0] / baseline_loss(*loss_and_targets(model, y))
    assert times > 10
    assert describe_outcome(model, y) == (
        f"weights too large: the loss starts at {times:.0f} times the baseline and ends at "
        f"{times:.0f} times it"
    )


@TASKS
def test_a_good_init_learns(task):
    model, y = fit(task, "he", learning_rate=0.1)
    share = model.loss_ / baseline_loss(*loss_and_targets(model, y))
    assert describe_outcome(model, y) == f"learns: the loss ends at {share:.0%} of the baseline"


@pytest.mark.parametrize("estimator", [InitMLPClassifier, InitMLPRegressor])
def test_a_model_of_noise_is_not_said_to_learn(estimator):
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(200, 20)), rng.normal(size=200)
    y = y > 0 if estimator is InitMLPClassifier else y
    model = estimator(30, solver="adam", learning_rate=0.03, max_iter=300)
    [run] = compare_inits(model, ["he"], X[:100], y[:100], X[100:], y[100:]).runs
    baseline = 0.0
    if estimator is InitMLPClassifier:
        baseline = DummyClassifier().fit(X[:100], y[:100]).score(X[100:], y[100:])
    assert re.fullmatch(
        rf"overfits: the loss ends at .* the baseline, but the score is {run.train_score:.2f} "
        rf"on training and {run.test_score:.2f} on test samples \(baseline: {baseline:.2f}\)",
        run.outcome,
    )


def test_large_weights_that_overfit_are_described_as_both():
    model, y = fit("binary", Normal(std=3))
    outcome = describe_outcome(model, y, (0.9, 0.5, 0.5))
    assert outcome.startswith("weights too large: ")
    assert outcome.endswith(
        ", but the score is 0.90 on training and 0.50 on test samples (baseline: 0.50)"
    )


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ((0.9, 0.75, 0.5), "learns"),
        ((0.9, 0.65, 0.5), "overfits"),
        ((0.52, 0.46, 0.5), "learns"),
        ((0.52, 0.40, 0.5), "overfits"),
        ((0.9, 0.3, 0.0), "overfits"),
    ],
)
def test_less_than_half_of_the_gain_on_test_samples_is_overfitting(scores, verdict):
    model, y = fit("binary", "he", learning_rate=0.1)
    assert describe_outcome(model, y, scores).startswith(f"{verdict}: ")


def test_better_than_the_mean_of_the_training_samples_is_not_enough_for_a_negative_r2():
    X = np.linspace(0, 1, 20)[:, np.newaxis]
    y = np.sqrt(X[:, 0])
    # Away from the training samples, where their mean predicts badly and a line a bad model.
    X_test = np.array([[2.0], [2.02]])
    y_test = np.sqrt(X_test[:, 0])
    model = InitMLPRegressor((), learning_rate=0.5, max_iter=500)
    [run] = compare_inits(model, ["he"], X, y, X_test, y_test).runs
    assert DummyRegressor().fit(X, y).score(X_test, y_test) < run.test_score < 0
    assert run.verdict == "overfits"


def fit_line(slope):
    """Fit a line through points above and below it; return the model and its targets."""
    x, noise = np.array([1.0, 1.0, -1.0, -1.0] * 5), np.array([1.0, -1.0] * 10)
    y = slope * x + noise
    model = InitMLPRegressor((), init="zeros", learning_rate=0.5, max_iter=100)
    return model.fit(x[:, np.newaxis], y), y


@pytest.mark.parametrize(
    ("slope", "verdict"), [(0.3, "has not learned"), (0.5, "learns little"), (0.6, "learns")]
)
def test_a_loss_that_has_fallen_by_less_than_a_quarter_is_little(slope, verdict):
    share = 1 / (1 + slope**2)  # of the variance of y, that of the noise
    expected = f"{verdict}: the loss ends at {share:.0%} of the baseline"
    assert describe_outcome(*fit_line(slope)) == expected


def test_of_a_model_that_learns_little_bad_scores_are_reported():
    outcome = describe_outcome(*fit_line(0.5), (0.2, -2.28, 0.0))
    assert outcome == (
        "learns little: the loss ends at 80% of the baseline, but the score is 0.20 on "
        "training and -2.28 on test samples (baseline: 0.00)"
    )


@pytest.mark.parametrize("outcome", ["learns", "learns: the loss ends at 6%: good"])
def test_a_verdict_is_the_beginning_of_an_outcome(outcome):
    assert made_up_run(outcome=outcome).verdict == "learns"


@TASKS
def test_a_model_with_tiny_steps_has_not_learned(task):
    outcome = describe_outcome(*fit(task, "normal", max_iter=5, learning_rate=1e-6))
    assert outcome.startswith("has not learned: the loss ends at 10")


def test_initial_weights_better_than_the_baseline_that_stay_are_not_said_to_learn():
    outcome = describe_outcome(*fit("regression", "he", max_iter=5, learning_rate=1e-6))
    assert re.fullmatch(
        r"has hardly moved: the loss ends at (\d+%) of the baseline, and started at \1 of it",
        outcome,
    )


@pytest.mark.filterwarnings("ignore:the loss has grown")
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@constant_predictions
def test_steps_and_weights_that_are_too_large_are_distinguished(task):
    outcome = describe_outcome(*fit(task, "glorot", learning_rate=1e6))
    assert outcome.startswith("steps too large: the loss ends at ")
    assert outcome.endswith("lower the learning rate")


@pytest.mark.filterwarnings("ignore:the loss has grown")
def test_steps_of_a_regression_can_be_too_large():
    outcome = describe_outcome(*fit("regression", "glorot", 3, 2.0, activation="identity"))
    assert outcome.startswith("steps too large: the loss ends at ")


def test_huge_losses_have_few_digits():
    outcome = describe_outcome(*fit("binary", Normal(std=1e5), max_iter=1))
    assert re.search(r"starts at \de\d+ times the baseline", outcome)


def test_a_perfect_fit_ends_at_less_than_one_percent():
    X = np.linspace(-1, 1, 20)[:, np.newaxis]
    model = InitMLPRegressor((), max_iter=500, learning_rate=0.5, random_state=0).fit(X, X[:, 0])
    assert describe_outcome(model, X[:, 0]) == (
        "learns: the loss ends at less than 1% of the baseline"
    )


def test_a_constant_target_is_nothing_to_learn():
    X = np.linspace(-1, 1, 20)[:, np.newaxis]
    model = InitMLPRegressor(max_iter=5, random_state=0).fit(X, np.full(20, 0.1))
    assert describe_outcome(model, np.full(20, 0.1)).startswith("nothing to learn")


@pytest.mark.parametrize("y", [[0, 0, 1], ["a", "b", "c", "c"]])
def test_the_baseline_of_classes_is_the_loss_of_a_dummy(y):
    X = np.zeros((len(y), 1))
    dummy = DummyClassifier(strategy="prior").fit(X, y)
    model = InitMLPClassifier(max_iter=1).fit(np.eye(len(y)), y)
    assert_allclose(
        baseline_loss(*loss_and_targets(model, y)),
        log_loss(y, dummy.predict_proba(X)),
        rtol=1e-6,
    )


@pytest.mark.parametrize("y", [[0.0, 2.0, 7.0], [[0.0, 1.0], [3.0, 5.0]]])
def test_the_baseline_of_numbers_is_the_loss_of_a_dummy(y):
    X = np.zeros((len(y), 1))
    errors = mean_squared_error(y, DummyRegressor().fit(X, y).predict(X), multioutput="raw_values")
    model = InitMLPRegressor(max_iter=1).fit(np.eye(len(y)), y)
    assert_allclose(baseline_loss(*loss_and_targets(model, y)), 0.5 * errors.sum(), rtol=1e-6)


# How it is printed


def test_repr_of_one_seed_gives_the_values():
    text = repr(InitComparison((made_up_run("he", 0, 0.88305, 0.0648, 0.96),)))
    assert text.splitlines()[2].split() == ["he", "0.8831", "0.0648", "0.960", "0.960"]


def test_repr_of_several_seeds_gives_mean_and_standard_deviation():
    runs = (made_up_run(final_loss=1.0, score=0.5), made_up_run(final_loss=3.0, score=0.7))
    row = repr(InitComparison(runs)).splitlines()[2]
    assert "2 ± 1 " in row  # of 1 and 3: the square root of 2, to one digit
    assert f"0.600 ± {np.std([0.5, 0.7], ddof=1):.3f}" in row


def test_repr_of_equal_values_has_no_spread():
    runs = tuple(made_up_run(final_loss=np.log(2), random_state=seed) for seed in range(3))
    assert "0.6931 ± 0 " in repr(InitComparison(runs))


def test_repr_has_one_row_for_each_init(comparison):
    lines = repr(comparison).splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["zeros", "he"]


def test_repr_fits_a_terminal_whatever_the_losses():
    runs = (
        made_up_run("truncated_normal", 0, 5.229e7, 1.3e-6, -0.085),
        made_up_run("truncated_normal", 1, 9.329e7, 1.1e-9, -20.9),
        made_up_run("zeros", 0, 1e300, 1e-300, -1e300),
        made_up_run("zeros", 1, 1e299, 1e-200, -1e200),
    )
    assert max(map(len, repr(InitComparison(runs)).splitlines())) <= 80


def test_repr_of_losses_that_are_not_finite_does_not_warn():
    runs = (made_up_run(initial_loss=np.inf, score=np.nan), made_up_run(initial_loss=1e300))
    assert "nan" in repr(InitComparison(runs))


def test_repr_of_no_run_is_a_table_without_rows():
    assert len(repr(InitComparison(())).splitlines()) == 2


@pytest.mark.parametrize(
    ("loss", "text"),
    [(0.693147, "0.6931"), (1347.2, "1347"), (5.2291e7, "5.229e7"), (8e-12, "8e-12"),
     (1e100, "1e100"), (0.0, "0"), (np.inf, "inf")],
)  # fmt: skip
def test_losses_are_formatted_short(loss, text):
    assert format_loss(loss, 4) == text


@pytest.mark.parametrize(
    ("score", "text"), [(0.98765, "0.988"), (-1e-9, "0.000"), (-123456.0, "-1e5"), (1, "1.000")]
)
def test_scores_have_fixed_decimals_unless_absurd(score, text):
    assert format_score(score, 3) == text


def test_a_table_has_its_first_column_left_and_the_others_right():
    table = text_table(["init", "loss"], [["he", "0.06"], ["zeros", "12.125"]])
    assert table.splitlines() == [
        "init     loss",
        "-------------",
        "he       0.06",
        "zeros  12.125",
    ]


def test_a_table_has_no_space_at_the_end_of_a_line():
    assert text_table(["a"], [["long"]]).splitlines()[0] == "a"


def test_relu_written_by_hand_runs_as_the_built_in_one():
    by_hand = Activation(lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float))
    runs = [compare(["he"], random_states=[0], activation=a).runs[0] for a in (by_hand, ReLU())]
    assert_allclose(runs[0].final_loss, runs[1].final_loss)
