"""Callbacks: scikit-learn's, from its version 1.9 on, and two of our own that follow its protocol.

An iteration is a task of the fit: its hooks are called with a model as if the fit had ended there,
and may ask for just that. Where no callback is set, nothing here is called.
"""

import os
import pickle
import time
from functools import partial
from numbers import Integral, Real
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import BaseEstimator, clone

from skinit._support import check_number
from skinit.training import Standing

try:
    from sklearn.callback import CallbackSupportMixin as ScikitLearnsMixin
    from sklearn.callback import with_callbacks
except ImportError:  # before scikit-learn 1.9

    class ScikitLearnsMixin:
        """Offers no ``set_callbacks``."""

    def with_callbacks(method):
        """Leave the method as it is."""
        return method


__all__ = [
    "CallbackSupportMixin",
    "Checkpoint",
    "WeightSnapshots",
    "given_to_callbacks",
    "has_callbacks",
    "train_with_callbacks",
]

ITERATION = "iteration"


class CallbackSupportMixin(ScikitLearnsMixin):
    """``set_callbacks``, where scikit-learn has it, for networks: their iterations are tasks."""


def has_callbacks(estimator):
    """Tell whether somebody has set callbacks."""
    return bool(getattr(estimator, "_skl_callbacks", None))


@with_callbacks
def train_with_callbacks(estimator, train, n_iter, given, learnt):
    """Train, and call the hooks of an estimator's callbacks at each iteration.

    Parameters
    ----------
    estimator : BaseInitMLP
    train : callable
        ``train(watch)`` returns a `TrainingResult`.
    n_iter : int
        The most iterations there can be.
    given : dict
        What hooks can ask for: ``X``, ``y`` and ``metadata``, or functions that return them.
    learnt : callable
        ``learnt(result, standing)`` returns the fitted attributes of a `TrainingResult`, None being
        before the first iteration. While training goes on, `standing` is where it stands.

    Returns
    -------
    TrainingResult
    """
    context = estimator._init_callback_context(max_subtasks=n_iter)
    context.call_on_fit_task_begin(estimator=estimator, **given)
    tasks = Tasks(estimator, context, n_iter, given, learnt)
    result = train(tasks.end)
    tasks.close()
    context.call_on_fit_task_end(
        estimator=estimator, **given, reconstruction_attributes=partial(learnt, result)
    )
    return result


class Tasks:
    """The iterations of a fit, as tasks that begin and end.

    Parameters
    ----------
    estimator, n_iter, given, learnt
        As in `train_with_callbacks`.
    context : CallbackContext
        Of the whole fit.
    """

    def __init__(self, estimator, context, n_iter, given, learnt):
        self.estimator, self.context, self.n_left = estimator, context, n_iter
        self.given, self.learnt = given, learnt
        self.begin(partial(learnt, None, Standing()))

    def begin(self, so_far):
        """Begin the next iteration."""
        self.n_left -= 1
        self.task = self.context.subcontext(task_name=ITERATION)
        self.task.call_on_fit_task_begin(
            estimator=self.estimator, **self.given, reconstruction_attributes=so_far
        )

    def end(self, block, run):
        """End an iteration, begin the next one, and tell whether to stop instead."""
        task, self.task = self.task, None

        def so_far():
            return self.learnt(run.result(), run.progress.standing)

        stop = task.call_on_fit_task_end(
            estimator=self.estimator, **self.given, reconstruction_attributes=so_far
        )
        if self.n_left and not (stop or run.progress.converged):
            self.begin(so_far)
        return stop

    def close(self):
        """End what was begun and did not come to its end: the fit diverged or was interrupted."""
        if self.task is not None:
            self.task.call_on_fit_task_end(estimator=self.estimator)


def given_to_callbacks(X, y, sample_weight):
    """List what callbacks can ask for, as it was given to `fit`."""
    metadata = None
    if sample_weight is not None:
        weights = np.ravel(sample_weight)
        metadata = {"sample_weight": np.broadcast_to(weights, np.shape(y)[:1])}
    return {"X": X, "y": y, "metadata": metadata}


class OwnCallback(BaseEstimator):
    """What our own callbacks need not do, of what scikit-learn calls."""

    def setup(self, estimator, context):
        """Refuse an estimator whose fit has no iterations of ours, where nothing would happen."""
        if not isinstance(estimator, CallbackSupportMixin):
            raise TypeError(
                f"{type(self).__name__} is set on a {type(estimator).__name__}, and watches "
                f"nothing but an InitMLPClassifier or InitMLPRegressor{way_to_network(estimator)}"
            )

    def teardown(self, estimator, context):
        """Do nothing after a fit."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing before an iteration."""


def way_to_network(estimator):
    """Say how to set a callback on the network that an estimator is around, if it is."""
    way, inside = "pipeline" if hasattr(estimator, "steps") else "search", estimator
    while not isinstance(inside, CallbackSupportMixin):
        if hasattr(inside, "steps"):
            way, inside = f"{way}[-1]", inside.steps[-1][1]
        elif hasattr(inside, "estimator"):
            way, inside = f"{way}.estimator", inside.estimator
        elif hasattr(inside, "regressor"):  # a TransformedTargetRegressor
            way, inside = f"{way}.regressor", inside.regressor
        else:
            return ""
    return f"; set it on the network: {way}.set_callbacks(...)"


class WeightSnapshots(OwnCallback):
    """Remember the weights of every k-th iteration, those of the start included.

    Parameters
    ----------
    every : int, default=1
        How many iterations lie between two snapshots.

    Attributes
    ----------
    iterations_ : list of int
        How many iterations had been done at each snapshot.
    coefs_ : list of list of ndarray of shape (fan_in, fan_out)
        The weights at each snapshot, layer by layer.
    intercepts_ : list of list of ndarray of shape (fan_out,)
        The biases at each snapshot.

    Notes
    -----
    A callback that is set on an estimator watches all of its fits; the last one is remembered.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, WeightSnapshots, load_circles
    >>> X, y, _, _ = load_circles()
    >>> snapshots, model = WeightSnapshots(every=10), InitMLPClassifier(max_iter=30, random_state=0)
    >>> if hasattr(model, "set_callbacks"):  # from scikit-learn 1.9 on
    ...     model = model.set_callbacks(snapshots).fit(X, y)
    ...     assert snapshots.iterations_ == [0, 10, 20, 30]
    """

    def __init__(self, every=1):
        self.every = every

    def setup(self, estimator, context):
        """Forget the last fit."""
        super().setup(estimator, context)
        check_number(self.every, "every", low=1, kind=Integral)
        self.iterations_, self.coefs_, self.intercepts_ = [], [], []

    def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
        """Remember the start."""
        if context.task_name == ITERATION and not self.iterations_:
            self.keep(fitted_estimator)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Remember an iteration, if it is its turn."""
        has_ended = context.task_name == ITERATION and fitted_estimator is not None
        if has_ended and fitted_estimator.n_iter_ % self.every == 0:
            self.keep(fitted_estimator)

    def keep(self, model):
        """Remember the weights of a model."""
        self.iterations_.append(model.n_iter_)
        self.coefs_.append([W.copy() for W in model.coefs_])
        self.intercepts_.append([b.copy() for b in model.intercepts_])


class Checkpoint(OwnCallback):
    """Write a fit to a file while it goes on, so that it can be resumed if it does not end.

    A new file takes the place of the old one at once: however a process ends, the file is whole. A
    fit that is resumed ends as it would have ended, to the last digit; only with "lbfgs", which
    cannot be told what it had learnt of the curvature, it ends nearby.

    It belongs to one fit at a time: all fits of a search would write the same file.

    Parameters
    ----------
    path : str or Path
        The file; with `joblib.load` it is the model of the last checkpoint, ready to predict. As
        with every pickle, load only what you trust.
    every : int or None, default=None
        How many iterations lie between two checkpoints.
    minutes : float or None, default=None
        How much time passes between two checkpoints; one of the two must be given.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skinit import Checkpoint, InitMLPClassifier, load_circles
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPClassifier(max_iter=30, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(Path(folder) / "circles.joblib", every=10)
    ...     if hasattr(model, "set_callbacks"):  # from scikit-learn 1.9 on
    ...         model = model.set_callbacks(checkpoint).fit(X, y)
    ...         assert checkpoint.resume(X, y).n_iter_ == 30  # nothing is left to do
    """

    def __init__(self, path, *, every=None, minutes=None):
        self.path = path
        self.every = every
        self.minutes = minutes

    def setup(self, estimator, context):
        """Find out before the fit whether it will be possible to write."""
        super().setup(estimator, context)
        if self.every is None and self.minutes is None:
            raise ValueError(
                "a Checkpoint needs to know how often: give every=100 iterations, or minutes=5"
            )
        if self.every is not None:
            check_number(self.every, "every", low=1, kind=Integral)
        if self.minutes is not None:
            check_number(self.minutes, "minutes", above=0, kind=Real)
        if not Path(self.path).absolute().parent.is_dir():
            raise FileNotFoundError(f"path={str(self.path)!r} is in a folder that does not exist")
        try:
            pickle.dumps(without_callbacks(clone(estimator)))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise TypeError(
                f"{estimator} cannot be written to a file: {error}. Define its functions in a "
                "module, not inside another function or as lambda"
            ) from error
        self.last_time = time.monotonic()

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        """Take down what data it is, when the fit begins."""
        if context.task_name != ITERATION:
            self.data_ = joblib.hash((X, y, metadata))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Write the model, if it is time, or if the fit has ended."""
        if fitted_estimator is None:
            return
        # A fit that was interrupted or has diverged has not ended: what there is can be resumed.
        ended = context.task_name != ITERATION and "_unfinished" not in vars(fitted_estimator)
        due = context.task_name == ITERATION and self.is_due(fitted_estimator.n_iter_)
        if ended or due or (context.task_name != ITERATION and not Path(self.path).exists()):
            self.write(fitted_estimator)

    def is_due(self, n_iter):
        """Tell whether it is time for a checkpoint."""
        waited = time.monotonic() - self.last_time
        return (self.every is not None and n_iter % self.every == 0) or (
            self.minutes is not None and waited >= 60 * self.minutes
        )

    def write(self, model):
        """Write a model to the file, all of it or nothing."""
        path = Path(self.path)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with unfinished.open("wb") as file:
                model = without_callbacks(model)
                model._data = self.data_
                joblib.dump(model, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        self.last_time = time.monotonic()

    def resume(self, X, y, sample_weight=None, **validation):
        """Load the last checkpoint, and go on to where the fit would have ended.

        Parameters
        ----------
        X, y, sample_weight, **validation
            What `fit` was called with. If the network is the last step of a pipeline, X is what the
            other steps have made of the data.

        Returns
        -------
        InitMLPClassifier or InitMLPRegressor
            Fitted, and with this callback set.

        Raises
        ------
        FileNotFoundError
            If there is no checkpoint yet.
        ValueError
            If the file is none, or X, y or the weights are not those that `fit` was called with.
        """
        model = self.load()
        given = given_to_callbacks(X, y, sample_weight)
        if joblib.hash(tuple(given.values())) != model._data:
            raise ValueError(
                "X, y or sample_weight are not those of the fit that is to be resumed; if the "
                "network is the last step of a pipeline, give what the other steps make of X. To "
                f"go on with other data, use joblib.load({str(self.path)!r}) and warm_start=True"
            )
        model.set_callbacks(self)
        return model._finish(X, y, sample_weight, **validation)

    def load(self):
        """Read the model from the file."""
        path = str(self.path)
        try:
            model = joblib.load(path)
        except FileNotFoundError as error:
            raise FileNotFoundError(f"there is no checkpoint at path={path!r} yet") from error
        except Exception as error:  # a file of another kind can break it in any way
            raise ValueError(f"path={path!r} is not a checkpoint: {error!r}") from error
        if not hasattr(model, "_data"):
            raise ValueError(
                f"path={path!r} is not a checkpoint; it holds a {type(model).__name__}"
            )
        return model


def without_callbacks(model):
    """Copy a model, without what callbacks have attached to it."""
    kept = type(model).__new__(type(model))
    vars(kept).update({key: value for key, value in vars(model).items() if "callback" not in key})
    return kept
