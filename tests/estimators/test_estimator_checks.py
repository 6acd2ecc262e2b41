"""scikit-learn's own checks of an estimator: all of them, with every start, activation, solver.

The defaults run as they are and pass everything. The other settings are shortened, and a start
that cannot learn fails exactly the checks that `EXPECTED_FAILED_CHECKS` lists.
"""

from unittest import SkipTest

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import estimator_checks_generator

from skinit import INITIALIZERS, InitMLPClassifier, InitMLPRegressor
from skinit.activations import ACTIVATIONS
from skinit.losses import CrossEntropy, Huber
from skinit.solvers import SOLVERS

# Some checks have features around 100, on which many units fall silent or saturate, or the loss
# grows. The warnings say so, as they should; no check minds.
pytestmark = [
    pytest.mark.filterwarnings("ignore:the predictions are the same"),
    pytest.mark.filterwarnings("ignore:the loss has grown"),
    # Counting the lines of long loops makes them half as long again, and others count the same.
    pytest.mark.no_cover,
]

ESTIMATORS = [InitMLPClassifier, InitMLPRegressor]

# The checks that ask how well a model predicts get time to learn. All others must not diverge on
# features around 100 or targets in the hundreds, and have no use for more than a few steps.
LEARNING = {
    "check_classifiers_train": {"learning_rate": 0.2, "max_iter": 500},
    "check_regressors_train": {"learning_rate": 0.2, "max_iter": 500},
    "check_class_weight_classifiers": {"learning_rate": 0.05, "max_iter": 500},
}
CAUTIOUS = {"learning_rate": 1e-6, "max_iter": 30}

# Of solvers that need others: on classes that can be told apart, lbfgs gets to infinite scores.
# At a constant rate, RMSprop's steps do not become small: after many long ones, scores have drifted
# so far that it depends on rounding whether probabilities are 0.
SETTINGS_OF_SOLVERS = {
    "sgd": {"learning_rate": 0.02},
    "rmsprop": {"learning_rate": 0.001, "max_iter": 2000},
    "lbfgs": {"max_iter": 20},
}

# To a start that draws samples, one that counts twice is not the same as two.
DRAWS_SAMPLES = {
    "check_sample_weight_equivalence_on_dense_data": "it draws samples",
    "check_sample_weight_equivalence_on_sparse_data": "it draws samples",
}

# {init: {check: reason}}, as found by running.
EXPECTED_FAILED_CHECKS = {
    "zeros": {
        "check_classifiers_train": "nothing moves but the last bias: no better than guessing",
        "check_regressors_train": "nothing moves but the last bias: the mean at best",
    },
    "ones": {
        "check_classifiers_train": "all units of a layer stay identical: one unit per layer",
        "check_regressors_train": "all units of a layer stay identical: one unit per layer",
        "check_classifiers_multilabel_output_format_predict_proba": (
            "scores so large that probabilities round to 0 and 1"
        ),
    },
    "constant": {
        "check_classifiers_train": "all units of a layer stay identical: one unit per layer",
    },
    "narrow_normal": {
        "check_classifiers_train": "weights so small that nothing has moved after 500 iterations",
    },
    "sparse": {
        "check_regressors_train": "weights so large that the first steps silence all units",
    },
    "siren": {
        "check_regressors_train": "made for sines: ReLU units fall silent in the first steps",
    },
    "random": {
        "check_classifiers_train": (
            "probabilities round to 0; their logarithms are finite here, and -inf in the check"
        ),
        "check_regressors_train": "weights so large that the first steps diverge",
        "check_classifiers_multilabel_output_format_predict_proba": (
            "scores so large that probabilities round to 0 and 1"
        ),
    },
    "hull": DRAWS_SAMPLES,
    "swim": DRAWS_SAMPLES,
}

# {loss: {check: reason}}
CHECKS_NOT_FOR_A_LOSS = {
    "poisson": {
        "check_regressor_multioutput": "its targets are negative, whatever the tag says",
    },
}


def default_checks():
    """List every check of every estimator as a test of its own, so that they run in parallel."""
    return [
        pytest.param(estimator, check, id=f"{Estimator.__name__}-{check.func.__name__}")
        for Estimator in ESTIMATORS
        for estimator, check in estimator_checks_generator(Estimator())
    ]


def distinct(registry):
    """List one name of each entry: aliases stand for the same object."""
    return list({repr(entry): name for name, entry in reversed(registry.items())}.values())[::-1]


def failed_checks(estimator, **learning):
    """Run all checks on a shortened estimator; return {check: error} of those that fail."""
    failed = {}
    for _, check in estimator_checks_generator(estimator):
        name = check.func.__name__
        settings = LEARNING[name] | learning if name in LEARNING else CAUTIOUS
        try:
            check(clone(estimator).set_params(**settings))
        except SkipTest:
            pass
        except Exception as error:
            failed[name] = error
    return failed


def names_of_checks(estimator):
    """List the checks that there are for an estimator."""
    return {check.func.__name__ for _, check in estimator_checks_generator(estimator)}


@pytest.mark.parametrize(("estimator", "check"), default_checks())
def test_the_default_passes_every_check(estimator, check):
    check(estimator)


# The checks of the defaults have counted their lines, and counting takes a third of the time.
@pytest.mark.no_cover
@pytest.mark.parametrize("init", distinct(INITIALIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_init_fails_exactly_the_checks_that_are_listed(Estimator, init):
    failed = failed_checks(Estimator(init=init))
    listed = EXPECTED_FAILED_CHECKS.get(init, {}).keys() & names_of_checks(Estimator())
    assert failed.keys() == listed, failed


@pytest.mark.no_cover
@pytest.mark.parametrize("activation", distinct(ACTIVATIONS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_activation_passes_every_check(Estimator, activation):
    assert failed_checks(Estimator(activation=activation)) == {}


@pytest.mark.no_cover
@pytest.mark.parametrize("solver", distinct(SOLVERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_solver_passes_every_check(Estimator, solver):
    settings = SETTINGS_OF_SOLVERS.get(solver, {})
    assert failed_checks(Estimator(solver=solver), **settings) == {}


@pytest.mark.parametrize(
    ("Estimator", "loss"),
    [
        (InitMLPClassifier, CrossEntropy(label_smoothing=0.1)),
        (InitMLPRegressor, "absolute_error"),
        (InitMLPRegressor, "huber"),
        (InitMLPRegressor, Huber(delta=0.1)),
        (InitMLPRegressor, "poisson"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_loss_passes_every_check_that_is_for_it(Estimator, loss):
    # Of its initial weights it depends whether a fit without a scale for the counts diverges.
    failed = failed_checks(Estimator(loss=loss, random_state=0))
    assert failed.keys() == CHECKS_NOT_FOR_A_LOSS.get(str(loss), {}).keys(), failed


def test_nothing_is_expected_to_fail_with_the_default():
    default = INITIALIZERS[InitMLPClassifier().init]
    aliases = {name for name, entry in INITIALIZERS.items() if repr(entry) == repr(default)}
    assert not aliases & set(EXPECTED_FAILED_CHECKS)


@pytest.mark.parametrize("init", EXPECTED_FAILED_CHECKS)
def test_an_expected_failure_is_of_a_known_init_and_of_a_check_that_exists(init):
    existing = set().union(*(names_of_checks(Estimator()) for Estimator in ESTIMATORS))
    assert init in distinct(INITIALIZERS)
    assert EXPECTED_FAILED_CHECKS[init].keys() <= existing
