"""Callbacks: scikit-learn's on both estimators, snapshots, and checkpoints of a killed process."""

import os
import pickle
import re
import signal
import subprocess
import sys
import time
import warnings

import joblib
import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from skinit import (
    Checkpoint,
    DiagnosisRecorder,
    DivergedError,
    InitMLPClassifier,
    InitMLPRegressor,
    WeightSnapshots,
)
from skinit.engine.workload import BLOCK_LENGTH
from skinit.schedules import ReduceOnPlateau
from skinit.training import TrainingRun

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)

OLD = parse_version(sklearn.__version__) < parse_version("1.9")
needs_callbacks = pytest.mark.skipif(OLD, reason="callbacks came with scikit-learn 1.9")
BOTH = pytest.mark.parametrize("Estimator", [InitMLPClassifier, InitMLPRegressor])


def model_of(Estimator=InitMLPClassifier, **settings):
    return Estimator(**({"max_iter": 12, "random_state": 0} | settings))


class Recorder:
    """Writes down which hook was called for which task, and stops at an iteration."""

    def __init__(self, stop_at=None):
        self.calls, self.models, self.stop_at = [], [], stop_at

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
        self.calls.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.calls.append(("end", context.task_name, context.task_id))
        self.models.append(fitted_estimator)
        self.X, self.y, self.metadata = X, y, metadata
        return fitted_estimator is not None and fitted_estimator.n_iter_ == self.stop_at


class MeddlesWithIteration(Recorder):
    """Raises an error at an iteration."""

    def __init__(self, iteration, error):
        super().__init__()
        self.iteration, self.error = iteration, error

    def on_fit_task_begin(self, estimator, context):
        super().on_fit_task_begin(estimator, context)
        if context.task_name == "iteration" and context.task_id == self.iteration:
            raise self.error


def assert_same_model(one, other):
    for name in ("coefs_", "intercepts_", "initial_coefs_"):
        for array, expected in zip(getattr(one, name), getattr(other, name), strict=True):
            assert_array_equal(array, expected)
    for name in ("loss_curve_", "loss_", "best_loss_", "n_iter_", "validation_scores_"):
        assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.skipif(not OLD, reason="where there are callbacks, they can be set")
@BOTH
def test_before_there_were_callbacks_none_can_be_set(Estimator):
    assert not hasattr(Estimator(), "set_callbacks")
    Estimator(max_iter=1).fit(X, Y)


# --- Where they can be set ------------------------------------------------------------------------


@needs_callbacks
@pytest.mark.parametrize(
    "callback",
    [DiagnosisRecorder(), WeightSnapshots(), Checkpoint("fit.joblib", every=1)],
    ids=lambda callback: type(callback).__name__,
)
@pytest.mark.parametrize(
    ("around", "way"),
    [
        (lambda model: make_pipeline(StandardScaler(), model), "pipeline[-1]"),
        (lambda model: GridSearchCV(model, {"max_iter": [1]}), "search.estimator"),
        (lambda model: GridSearchCV(make_pipeline(model), {}), "search.estimator[-1]"),
        (
            lambda model: make_pipeline(StandardScaler(), TransformedTargetRegressor(model)),
            "pipeline[-1].regressor",
        ),
    ],
    ids=["pipeline", "search", "search over a pipeline", "targets transformed"],
)
def test_our_callbacks_refuse_what_is_around_a_network_and_lead_to_it(callback, around, way):
    outer = around(model_of()).set_callbacks(callback)
    told = f"{type(callback).__name__} is set on a {type(outer).__name__}, and can only watch"
    with pytest.raises(TypeError, match=re.escape(told)) as caught:
        outer.fit(X, Y)
    assert str(caught.value).endswith(f"; set it on the network: {way}.set_callbacks(...)")


@needs_callbacks
def test_our_callbacks_refuse_an_estimator_without_a_network():
    with pytest.raises(TypeError, match=r"an InitMLPClassifier or InitMLPRegressor$"):
        make_pipeline(StandardScaler()).set_callbacks(WeightSnapshots()).fit(X, Y)


@needs_callbacks
def test_a_callback_on_the_network_watches_it_inside_a_pipeline():
    snapshots, pipeline = WeightSnapshots(), make_pipeline(StandardScaler(), model_of(max_iter=2))
    pipeline[-1].set_callbacks(snapshots)
    pipeline.fit(X, Y)
    assert snapshots.iterations_ == [0, 1, 2]


# --- scikit-learn's protocol ------------------------------------------------------------------


@needs_callbacks
@BOTH
@pytest.mark.parametrize("solver", ["gd", "adam", "lbfgs"])
def test_each_iteration_is_a_task_of_the_fit(Estimator, solver):
    recorder = Recorder()
    model = model_of(Estimator, solver=solver, max_iter=3).set_callbacks(recorder).fit(X, Y)
    iterations = [(step, "iteration", k) for k in range(model.n_iter_) for step in ("begin", "end")]
    assert recorder.calls == [
        ("setup", "fit"),
        ("begin", "fit", 0),
        *iterations,
        ("end", "fit", 0),
        ("teardown", "fit"),
    ]


@needs_callbacks
@BOTH
@pytest.mark.parametrize("settings", [{}, {"solver": "adam", "batch_size": 20}], ids=str)
def test_a_fit_with_callbacks_is_the_fit_without(Estimator, settings):
    watched = model_of(Estimator, **settings).set_callbacks(Recorder()).fit(X, Y)
    assert_same_model(watched, model_of(Estimator, **settings).fit(X, Y))


@needs_callbacks
@pytest.mark.parametrize("solver", ["gd", "sgd"])
def test_the_model_of_a_task_is_that_of_a_shorter_fit(solver):
    recorder = Recorder()
    model_of(solver=solver).set_callbacks(recorder).fit(X, Y)
    for k, model in enumerate(recorder.models[:-1], start=1):
        shorter = model_of(solver=solver, max_iter=k).fit(X, Y)
        assert_array_equal(model.predict_proba(X), shorter.predict_proba(X))
        assert_array_equal(model.loss_curve_, shorter.loss_curve_)
        assert model.n_iter_ == k


@needs_callbacks
def test_hooks_get_what_fit_was_given():
    recorder, weights = Recorder(), np.arange(len(Y)) + 1.0
    model_of().set_callbacks(recorder).fit(X, Y, weights)
    assert recorder.X is X
    assert recorder.y is Y
    assert_array_equal(recorder.metadata["sample_weight"], weights)


@needs_callbacks
@pytest.mark.parametrize("solver", ["gd", "adam", "lbfgs"])
def test_a_callback_may_stop_a_fit(solver):
    recorder = Recorder(stop_at=5)
    model = model_of(solver=solver).set_callbacks(recorder).fit(X, Y)
    assert model.n_iter_ == 5
    if solver != "lbfgs":
        assert_same_model(model, model_of(solver=solver, max_iter=5).fit(X, Y))


@needs_callbacks
def test_who_is_stopped_need_not_have_met_a_criterion():
    model = model_of(tol=1e-12, max_iter=100).set_callbacks(Recorder(stop_at=5))
    assert model.fit(X, Y).n_iter_ == 5  # and no warning


@needs_callbacks
def test_an_interrupted_fit_ends_what_it_has_begun():
    recorder = MeddlesWithIteration(4, KeyboardInterrupt())
    with pytest.warns(UserWarning, match="interrupted after 4"):
        model = model_of().set_callbacks(recorder).fit(X, Y)
    assert recorder.calls[-4:] == [
        ("begin", "iteration", 4),
        ("end", "iteration", 4),
        ("end", "fit", 0),
        ("teardown", "fit"),
    ]
    assert_array_equal(model.coefs_[0], model_of(max_iter=4).fit(X, Y).coefs_[0])


@needs_callbacks
def test_an_error_of_a_callback_is_raised_and_callbacks_are_torn_down():
    recorder = MeddlesWithIteration(4, RuntimeError("enough"))
    with pytest.raises(RuntimeError, match="enough"):
        model_of().set_callbacks(recorder).fit(X, Y)
    assert recorder.calls[-1] == ("teardown", "fit")


@needs_callbacks
def test_early_stopping_and_a_callback_see_the_same_iterations():
    recorder, settings = Recorder(), {"early_stopping": True, "max_iter": 500, "solver": "adam"}
    model = model_of(**settings).set_callbacks(recorder).fit(X, Y)
    *during, end = recorder.models
    assert [len(model.validation_scores_) for model in during] == list(range(1, model.n_iter_ + 1))
    assert_same_model(model, model_of(**settings).fit(X, Y))
    assert_array_equal(end.coefs_[0], model.coefs_[0])


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("Estimator", [InitMLPClassifier, InitMLPRegressor])
def test_scores_are_monitored_through_a_search_over_a_pipeline(Estimator, n_jobs):
    from sklearn.callback import ScoringMonitor

    name = Estimator.__name__.lower()
    scoring = "neg_log_loss" if Estimator is InitMLPClassifier else "r2"
    monitor = ScoringMonitor(scoring=scoring)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), model_of(Estimator, max_iter=4)),
        {f"{name}__init": ["he", "zeros"]},
        cv=2,
        n_jobs=n_jobs,
        error_score="raise",
    )
    search.estimator[-1].set_callbacks(monitor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, Y)
    logs = monitor.get_logs(select="all")
    rows = [row for log in logs for row in log.data]
    iterations = [row for row in rows if row["task_name"] == "iteration"]
    assert len(iterations) == (2 * 2 + 1) * 4
    assert all(np.isfinite(row[scoring]) for row in iterations)


@needs_callbacks
@pytest.mark.parametrize("Estimator", [InitMLPClassifier, InitMLPRegressor])
def test_a_progress_bar_goes_through_a_search_over_a_pipeline(Estimator, capfd):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    name = Estimator.__name__.lower()
    pipeline = make_pipeline(StandardScaler(), model_of(Estimator, max_iter=3))
    search = GridSearchCV(pipeline, {f"{name}__init": ["he", "lecun"]}, cv=2, n_jobs=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, Y)
    shown = capfd.readouterr().out
    assert f"{Estimator.__name__} - fit" in shown
    assert "100%" in shown


@needs_callbacks
def test_names_of_features_bother_no_monitor():
    pandas = pytest.importorskip("pandas")
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = model_of().set_callbacks(monitor).fit(frame, Y)  # a warning would be an error
    last = [row for row in monitor.get_logs().data if row["task_name"] == "iteration"][-1]
    assert_allclose(last["accuracy"], model.score(frame, Y))


# --- Snapshots --------------------------------------------------------------------------------


@needs_callbacks
@pytest.mark.parametrize("solver", ["gd", "adam"])
def test_snapshots_are_the_weights_of_shorter_fits(solver):
    snapshots = WeightSnapshots(every=5)
    model = model_of(solver=solver).set_callbacks(snapshots).fit(X, Y)
    assert snapshots.iterations_ == [0, 5, 10]
    assert_array_equal(snapshots.coefs_[0][0], model.initial_coefs_[0])
    for k in (1, 2):
        shorter = model_of(solver=solver, max_iter=5 * k).fit(X, Y)
        assert_array_equal(snapshots.coefs_[k][1], shorter.coefs_[1])
        assert_array_equal(snapshots.intercepts_[k][1], shorter.intercepts_[1])


@needs_callbacks
def test_snapshots_of_a_fit_that_goes_on_count_on():
    snapshots = WeightSnapshots(every=5)
    model = model_of(warm_start=True).set_callbacks(snapshots)
    assert model.fit(X, Y).fit(X, Y).n_iter_ == 24
    assert snapshots.iterations_ == [12, 15, 20]


# --- Checkpoints ------------------------------------------------------------------------------

LONG = {"max_iter": 60, "hidden_layer_sizes": (6,)}
KINDS = {
    "gd": {},
    "minibatches": {"solver": "adam", "batch_size": 32, "dropout": 0.2},
    "lbfgs": {"solver": "lbfgs", "max_iter": 20},
    "early stopping": {"solver": "sgd", "early_stopping": True, "n_iter_no_change": 30},
    "plateaus": {"learning_rate": ReduceOnPlateau(0.05), "tol": 1e-3, "n_iter_no_change": 3},
}


def copied_at(path, iteration, folder):
    """Make a callback that keeps the checkpoint as it is at an iteration."""

    class CopyCheckpoint(Recorder):
        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "iteration" and context.task_id == iteration:
                (folder / "kept").write_bytes(path.read_bytes())

        def on_fit_task_end(self, estimator, context):
            pass

    return CopyCheckpoint()


def fit_quietly(model, *data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*data)


@needs_callbacks
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "lbfgs"])
@BOTH
def test_a_resumed_fit_ends_as_it_would_have_ended(Estimator, kind, tmp_path):
    settings = LONG | KINDS[kind]
    expected = fit_quietly(model_of(Estimator, **settings), X, Y)
    path = tmp_path / "model"
    model = model_of(Estimator, **settings)
    model.set_callbacks(Checkpoint(path, every=7), copied_at(path, 17, tmp_path))
    assert_same_model(fit_quietly(model, X, Y), expected)

    unfinished = joblib.load(tmp_path / "kept")
    assert unfinished.n_iter_ == 14
    assert unfinished.predict(X).shape == Y.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        resumed = Checkpoint(tmp_path / "kept", every=7).resume(X, Y)
    assert_same_model(resumed, expected)
    assert resumed.get_params()["max_iter"] == settings["max_iter"]
    assert_array_equal(joblib.load(tmp_path / "kept").predict(X), expected.predict(X))


@needs_callbacks
def test_lbfgs_goes_on_from_the_weights_of_its_checkpoint(tmp_path):
    """What it remembers of the curvature cannot be kept: it ends nearby."""
    settings = LONG | KINDS["lbfgs"] | {"alpha": 1.0, "max_iter": 400}
    expected = model_of(**settings).fit(X, Y)
    path = tmp_path / "model"
    model = model_of(**settings)
    model.set_callbacks(Checkpoint(path, every=7), copied_at(path, 17, tmp_path)).fit(X, Y)
    resumed = Checkpoint(tmp_path / "kept", every=7).resume(X, Y)
    assert_allclose(resumed.loss_, expected.loss_, rtol=0.01)
    assert resumed.loss_curve_[14] == expected.loss_curve_[14]


@needs_callbacks
def test_the_checkpoint_of_a_fit_that_has_ended_is_its_model(tmp_path):
    checkpoint = Checkpoint(tmp_path / "model", every=5)
    model = model_of(early_stopping=True, solver="adam", max_iter=500).set_callbacks(checkpoint)
    model.fit(X, Y)
    again = checkpoint.resume(X, Y)
    assert_same_model(again, model)
    assert not any("callback" in name for name in vars(joblib.load(tmp_path / "model")))


@needs_callbacks
@pytest.mark.usefixtures("needs_compiled")
@pytest.mark.parametrize("every", [100, (1, 10, 100, 1000)], ids=str)
def test_between_two_snapshots_the_engine_runs_whole_blocks(monkeypatch, every):
    """A snapshot costs what a snapshot costs, however many iterations lie between two."""
    blocks, accept = [], TrainingRun.accept
    monkeypatch.setattr(
        TrainingRun, "accept", lambda run, block: blocks.append(block) or accept(run, block)
    )
    snapshots = WeightSnapshots(every)
    model_of(max_iter=320).set_callbacks(snapshots).fit(X, Y)
    wanted = [100, 200, 300] if every == 100 else [1, 10, 100]
    assert snapshots.iterations_ == [0, *wanted]
    assert {block.end for block in blocks} >= set(wanted)
    assert len(blocks) <= 320 / BLOCK_LENGTH + len(wanted) + 1


@needs_callbacks
@pytest.mark.parametrize("solver", ["gd", "sgd", "lbfgs"])
def test_snapshots_are_the_same_beside_another_callback_and_alone(solver):
    snapshots = WeightSnapshots((3, 40))
    settings = {"solver": solver, "max_iter": 45, "alpha": 0.1}
    model_of(**settings).set_callbacks(snapshots, Recorder()).fit(X, Y)
    alone = WeightSnapshots((3, 40))
    model_of(**settings).set_callbacks(alone).fit(X, Y)
    assert snapshots.iterations_ == alone.iterations_ == [0, 3, 40]
    for k, with_others, coefs in zip((3, 40), snapshots.coefs_[1:], alone.coefs_[1:], strict=True):
        shorter = model_of(**{**settings, "max_iter": k}).fit(X, Y)
        for one, two, expected in zip(with_others, coefs, shorter.coefs_, strict=True):
            assert_array_equal(one, expected)
            assert_array_equal(two, expected)


@needs_callbacks
@pytest.mark.parametrize("every", ["often", {10}, None])
@pytest.mark.parametrize("Callback", [WeightSnapshots, DiagnosisRecorder])
def test_an_every_that_is_no_number_of_iterations_is_shown_as_it_was_given(Callback, every):
    with pytest.raises(TypeError, match=re.escape(f"every={every!r} must be a number")):
        model_of().set_callbacks(Callback(every)).fit(X, Y)


@needs_callbacks
def test_parallel_fits_may_share_a_callback():
    """scikit-learn gives the clones of a search one and the same callback."""
    model = model_of(max_iter=4).set_callbacks(DiagnosisRecorder(2, max_samples=20))
    with joblib.parallel_config("threading", n_jobs=2):
        assert len(cross_val_score(model, X, Y, cv=4, error_score="raise")) == 4


@needs_callbacks
@pytest.mark.usefixtures("needs_compiled")
@pytest.mark.parametrize("every", [1, 7, 25])
def test_a_diverged_fit_keeps_a_finite_loss_however_it_is_watched(every):
    """Compiled and reference engine round otherwise, and may overflow at different iterations."""
    model = model_of(InitMLPRegressor, learning_rate=50.0, max_iter=120, random_state=0)
    model.set_callbacks(WeightSnapshots(every))
    with pytest.raises(DivergedError), np.errstate(over="ignore"):
        model.fit(X, 50 * X[:, 0])
    assert np.isfinite(model.loss_)
    assert model.loss_ >= model.best_loss_


@needs_callbacks
def test_copies_of_a_model_have_no_attributes_of_an_earlier_fit():
    seen = []

    class Seeing(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            seen.append(fitted_estimator)

    model = model_of(max_iter=3).fit(X, Y)
    snapshots = WeightSnapshots()
    model.set_callbacks(snapshots, Seeing()).fit(X, Y)
    assert not any(hasattr(copy, "feature_names_in_") for copy in seen)
    assert not hasattr(model, "_resume_point")


@needs_callbacks
def test_a_checkpoint_is_written_when_its_time_has_come(tmp_path, monkeypatch):
    clock = iter(range(0, 10_000, 30))  # half a minute passes between two looks
    monkeypatch.setattr("skinit.estimators.checkpoint.time.monotonic", lambda: next(clock))
    written = []

    class Counting(Checkpoint):
        def write(self, model):
            written.append(model.n_iter_)
            super().write(model)

    # With a tol each iteration is a block; otherwise the clock is read after some dozens of them.
    model = model_of(max_iter=9, tol=0.0)
    model.set_callbacks(Counting(tmp_path / "model", minutes=1.4))
    with pytest.warns(ConvergenceWarning, match="criterion"):
        model.fit(X, Y)
    assert written == [3, 6, 9, 9]


KILLED = """
import sys, numpy as np
from skinit import Checkpoint, InitMLPClassifier
X = np.random.RandomState(0).normal(size=(500, 20))
y = X[:, 0] * X[:, 1] > 0
model = InitMLPClassifier(
    (50,), solver="adam", learning_rate=0.001, batch_size=50, max_iter=int(sys.argv[2]),
    random_state=0,
)
model.set_callbacks(Checkpoint(sys.argv[1], every=3)).fit(X, y)
"""


@needs_callbacks
def test_a_fit_whose_process_was_killed_is_resumed(tmp_path):
    path = tmp_path / "model"
    command = [sys.executable, "-c", KILLED, str(path), "100000"]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 60
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)  # wherever this is, also in the middle of writing
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    left = joblib.load(path)
    assert left.n_iter_ > 0
    assert left.n_iter_ % 3 == 0
    rng = np.random.RandomState(0)
    data = rng.normal(size=(500, 20))
    labels = data[:, 0] * data[:, 1] > 0
    # The process would have run for minutes: its last iteration is brought nearer.
    end = left.n_iter_ + 5
    left._resume_point = type(left._resume_point)(left._resume_point.stopping, end)
    joblib.dump(left, path)
    resumed = Checkpoint(path, every=3).resume(data, labels)
    whole = left.set_params(max_iter=end)
    assert_same_model(resumed, type(left)(**whole.get_params()).fit(data, labels))


@needs_callbacks
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fit_that_was_interrupted_can_be_resumed(early_stopping, tmp_path):
    settings = LONG | {"early_stopping": early_stopping, "n_iter_no_change": 100}
    expected = fit_quietly(model_of(**settings), X, Y)
    checkpoint = Checkpoint(tmp_path / "model", every=7)
    model = model_of(**settings)
    model.set_callbacks(checkpoint, MeddlesWithIteration(17, KeyboardInterrupt()))
    with pytest.warns(UserWarning, match="interrupted after 17"):
        model.fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert_same_model(checkpoint.resume(X, Y), expected)


@needs_callbacks
@pytest.mark.parametrize(
    "other", [(X[:100], Y[:100]), (X[::-1], Y[::-1]), (2 * X, Y), (X, Y, np.ones(len(Y)))]
)
def test_a_fit_is_resumed_with_its_own_data_only(other, tmp_path):
    checkpoint = Checkpoint(tmp_path / "model", every=7)
    model_of().set_callbacks(checkpoint).fit(X, Y)
    with pytest.raises(ValueError, match="not those of the fit"):
        checkpoint.resume(*other)


@needs_callbacks
@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps({"a": 1})])
def test_a_file_that_is_no_checkpoint_is_told_as_such(content, tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint at path"):
        Checkpoint(tmp_path / "model", every=7).resume(X, Y)
    (tmp_path / "model").write_bytes(content)
    with pytest.raises(ValueError, match="is not a checkpoint"):
        Checkpoint(tmp_path / "model", every=7).resume(X, Y)


@needs_callbacks
def test_writing_that_fails_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "model", every=5)
    model_of(max_iter=5).set_callbacks(checkpoint).fit(X, Y)
    before = (tmp_path / "model").read_bytes()

    def no_space(model, file):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("skinit.estimators.checkpoint.joblib.dump", no_space)
    with pytest.raises(OSError, match="no space left"):
        model_of().set_callbacks(checkpoint).fit(X, Y)
    assert (tmp_path / "model").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@needs_callbacks
@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({}, ValueError, "needs to know how often"),
        ({"every": 0}, ValueError, "every == 0"),
        ({"every": 1.5}, TypeError, "every=1.5"),
        ({"minutes": 0}, ValueError, "minutes == 0"),
        ({"every": 1, "path": "no/such/folder/file"}, FileNotFoundError, "folder that does not"),
    ],
)
def test_a_checkpoint_that_cannot_be_written_is_told_before_the_fit(settings, error, message):
    model = model_of().set_callbacks(Checkpoint(**({"path": "model"} | settings)))
    with pytest.raises(error, match=message):
        model.fit(X, Y)
    assert not hasattr(model, "coefs_")


@needs_callbacks
def test_so_is_a_model_that_cannot_be_pickled(tmp_path):
    def ones(layer, rng):
        return np.ones((layer.fan_in, layer.fan_out)), np.ones(layer.fan_out)

    model = model_of(init=ones)
    with pytest.raises(TypeError, match="cannot be written to a file"):
        model.set_callbacks(Checkpoint(tmp_path / "model", every=1)).fit(X, Y)


@needs_callbacks
def test_a_model_with_callbacks_can_be_pickled():
    model = model_of().set_callbacks(WeightSnapshots(5)).fit(X, Y)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
