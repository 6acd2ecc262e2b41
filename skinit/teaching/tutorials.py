"""The two experiments of the classic initialization tutorials, and the results they published."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from skinit._support import Array
from skinit.comparison import InitComparison, compare_inits
from skinit.datasets import load_circles, load_moons
from skinit.estimators import InitMLPClassifier
from skinit.initializers import PerLayer

__all__ = ["EXPERIMENTS", "Experiment", "Published", "run_experiment"]


@dataclass(frozen=True)
class Published:
    """What a tutorial prints for one init, to the digits it prints; None where it prints nothing.

    Parameters
    ----------
    initial_cost, final_cost : str or None
        Cost before and after training.
    train, test : str
        Accuracy.
    """

    initial_cost: str | None
    final_cost: str | None
    train: str
    test: str


@dataclass(frozen=True)
class Experiment:
    """One network on one data set, with several inits.

    Parameters
    ----------
    title : str
    load : callable
        Returns X_train, y_train, X_test, y_test.
    hidden_layer_sizes : tuple of int
    inits : dict of str to init
    random_state : int
        Seed that the weights are drawn with.
    published : dict of str to Published
        The tutorial's results, by the names of the inits.
    remark : str
        Why the results differ from the published ones.
    """

    title: str
    load: Callable[[], tuple[Array, Array, Array, Array]]
    hidden_layer_sizes: tuple[int, ...]
    inits: Mapping[str, Any]
    random_state: int
    published: Mapping[str, Published]
    remark: str


EXPERIMENTS = {
    "circles": Experiment(
        title="Two circles, a network of widths 2-10-5-1",
        load=load_circles,
        hidden_layer_sizes=(10, 5),
        inits={"zeros": "zeros", "random": "random", "he": "he"},
        random_state=3,
        published={
            "zeros": Published("0.6931", "0.6931", "50%", "50%"),
            "random": Published("inf", None, "83%", "86%"),
            "he": Published("0.8831", None, "99%", "96%"),
        },
        remark=(
            "The tutorial prints inf where a probability rounds to 0 or 1; here the cost is "
            "computed from the logits and stays finite."
        ),
    ),
    "moons": Experiment(
        title="Two moons, a network of widths 2-12-6-1",
        load=load_moons,
        hidden_layer_sizes=(12, 6),
        # The tutorial passes its strategy to the hidden layers; the output layer has its default.
        inits={name: PerLayer(hidden=name) for name in ("zeros", "random", "he")},
        # The tutorial fixes no seed. With this one the large weights end about where they ended
        # there, which is rare: see examples/plot_moons_experiment.py for the spread over seeds.
        random_state=149,
        published={
            "zeros": Published("0.6931", "0.6931", "50%", "50%"),
            "random": Published("7.3128", "4.6369", "85%", "82%"),
            "he": Published("0.6978", "0.0693", "95%", "94%"),
        },
        remark=(
            "The tutorial fixes no seeds, so its points and weights are others. With few seeds "
            "only do the large weights end at an accuracy as low as there; this run uses one of "
            "them, 149, for that reason. The gallery shows the others."
        ),
    ),
}


def run_experiment(
    experiment: Experiment,
    *,
    max_iter: int = 15000,
    announce: Callable[[int, int, str], object] | None = None,
) -> InitComparison:
    """Train the network of an experiment with each of its inits.

    Parameters
    ----------
    experiment : Experiment
    max_iter : int, default=15000
        The tutorials' number of iterations.
    announce : callable or None, default=None
        As in `compare_inits`.

    Returns
    -------
    InitComparison

    Examples
    --------
    >>> comparison = run_experiment(EXPERIMENTS["circles"], max_iter=10)
    >>> [round(run.initial_loss, 5) for run in comparison.runs]
    [0.69315, 1773.58595, 0.88305]
    """
    return compare_inits(
        InitMLPClassifier(experiment.hidden_layer_sizes, max_iter=max_iter),
        experiment.inits,
        *experiment.load(),
        random_states=[experiment.random_state],
        announce=announce,
    )
