import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import OptimizeResult
from sklearn.base import clone

import skinit.solvers
from skinit.solvers import (
    LBFGS,
    SGD,
    SOLVERS,
    Adam,
    GradientDescent,
    RMSprop,
    clipped,
    resolve_solver,
)

STEPPING = [name for name, solver in SOLVERS.items() if solver.takes_steps]


@pytest.fixture
def parameters():
    return np.array([1.0, -2.0, 0.5])


@pytest.fixture
def gradient():
    return np.array([4.0, 0.0, -2.0])


def test_gradient_descent_steps_against_the_gradient(parameters, gradient):
    moved, _ = GradientDescent().step(parameters, gradient, 0.25, None)
    assert_array_equal(moved, [0.0, -2.0, 1.0])


@pytest.mark.parametrize("name", STEPPING)
def test_a_step_does_not_change_its_arguments(name, parameters, gradient):
    before, slope = parameters.copy(), gradient.copy()
    state = SOLVERS[name].initial_state(parameters)
    SOLVERS[name].step(parameters, gradient, 0.25, state)
    assert_array_equal(parameters, before)
    assert_array_equal(gradient, slope)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", STEPPING)
def test_a_step_keeps_dtype_and_shape(name, dtype):
    parameters = np.ones((2, 3), dtype)
    state = SOLVERS[name].initial_state(parameters)
    moved, _ = SOLVERS[name].step(parameters, np.ones((2, 3), dtype), 0.25, state)
    assert (moved.dtype, moved.shape) == (np.dtype(dtype), (2, 3))


@pytest.mark.parametrize("name", STEPPING)
def test_steps_on_a_stack_equal_those_of_its_members(name):
    rng = np.random.RandomState(0)
    stack, gradients = rng.normal(size=(4, 3)), rng.normal(size=(5, 4, 3))

    def after(parameters, gradients):
        state = SOLVERS[name].initial_state(parameters)
        for gradient in gradients:
            parameters, state = SOLVERS[name].step(parameters, gradient, 0.1, state)
        return parameters

    together = after(stack, gradients)
    for k in range(4):
        assert_allclose(together[k], after(stack[k], gradients[:, k]), rtol=1e-14)


@pytest.mark.parametrize("name", SOLVERS)
def test_clone_and_pickle_keep_the_settings(name):
    for copy in (clone(SOLVERS[name]), pickle.loads(pickle.dumps(SOLVERS[name]))):
        assert copy.get_params() == SOLVERS[name].get_params()


@pytest.mark.parametrize("name", SOLVERS)
def test_repr_evaluates_back(name):
    back = eval(repr(SOLVERS[name]), vars(skinit.solvers))
    assert (type(back), back.get_params()) == (type(SOLVERS[name]), SOLVERS[name].get_params())


@pytest.mark.parametrize("name", SOLVERS)
def test_a_name_resolves_to_a_fresh_copy(name):
    resolved = resolve_solver(name)
    assert type(resolved) is type(SOLVERS[name])
    assert resolved is not SOLVERS[name]


def test_an_object_resolves_to_itself():
    solver = GradientDescent()
    assert resolve_solver(solver) is solver


def test_a_misspelled_solver_gets_did_you_mean():
    with pytest.raises(ValueError, match=r"solver='GD' .* did you mean 'gd'"):
        resolve_solver("GD")


@pytest.mark.parametrize("junk", [None, 0.1, len])
def test_other_objects_are_refused_with_valid_examples(junk):
    with pytest.raises(TypeError, match=r"is not a solver; give a name such as 'gd'"):
        resolve_solver(junk)


@pytest.mark.parametrize(
    ("solver", "name"),
    [
        (SGD(momentum=1.0), "momentum"),
        (SGD(momentum="much"), "momentum"),
        (RMSprop(decay=-0.1), "decay"),
        (RMSprop(epsilon=0), "epsilon"),
        (Adam(beta_1=1.0), "beta_1"),
        (Adam(beta_2=np.nan), "beta_2"),
        (Adam(weight_decay=-1), "weight_decay"),
        (GradientDescent(clip_norm=0), "clip_norm"),
        (SGD(max_norm=-1), "max_norm"),
        (LBFGS(history_size=0), "history_size"),
        (LBFGS(max_fun=1.5), "max_fun"),
    ],
    ids=str,
)
def test_a_setting_that_is_out_of_range_is_named(solver, name):
    with pytest.raises((ValueError, TypeError), match=name):
        resolve_solver(solver)


def minimum_of_a_bowl(solver, n_steps=2000, learning_rate=0.01):
    """Minimize a quadratic function that is a hundred times steeper in one direction."""
    parameters = np.array([1.0, 1.0])
    state = solver.initial_state(parameters)
    for _ in range(n_steps):
        gradient = np.array([1.0, 100.0]) * parameters
        parameters, state = solver.step(parameters, gradient, learning_rate, state)
    return np.abs(parameters).max()


@pytest.mark.parametrize("name", STEPPING)
def test_every_solver_finds_the_minimum_of_a_bowl(name):
    assert minimum_of_a_bowl(SOLVERS[name]) < 0.01


def test_momentum_follows_its_closed_form_under_a_constant_gradient():
    """After n steps of heavy-ball momentum, the velocity is a geometric sum of the steps."""
    solver, parameters, velocity = SGD(0.5, nesterov=False), np.zeros(1), np.zeros(1)
    for _ in range(10):
        parameters, velocity = solver.step(parameters, np.ones(1), 0.1, velocity)
    assert_allclose(velocity, -0.1 * (1 - 0.5**10) / (1 - 0.5))


def test_steps_of_rmsprop_and_adam_do_not_depend_on_the_size_of_the_gradient():
    for solver in (RMSprop(epsilon=1e-30), Adam(epsilon=1e-30)):
        for size in (1e-6, 1e6):
            state = solver.initial_state(np.ones(2))
            moved, _ = solver.step(np.ones(2), size * np.array([1.0, -2.0]), 0.1, state)
            step = 0.1 / np.sqrt(0.1) if isinstance(solver, RMSprop) else 0.1
            assert_allclose(moved, [1 - step, 1 + step])


def test_decoupled_decay_shrinks_parameters_without_gradient():
    solver = Adam(weight_decay=0.5)
    moved, _ = solver.step(np.ones(2), np.zeros(2), 0.1, solver.initial_state(np.ones(2)))
    assert_allclose(moved, 0.95)


def test_a_clipped_gradient_keeps_its_direction_and_small_ones_are_not_changed():
    gradient = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    assert_allclose(clipped(gradient, 1.0), [[0.6, 0.8], [0.3, 0.4], [0, 0]])


def test_lbfgs_minimizes_a_quadratic_and_visits_each_iteration():
    seen = []

    def objective(x):
        return float(x @ (np.array([1.0, 100.0]) * x)) / 2, np.array([1.0, 100.0]) * x

    def visit(loss, parameters):
        seen.append((loss, objective(parameters)[0]))
        return True

    assert LBFGS().minimize(objective, np.ones(2), 100, 1e-8, visit)
    before, after = zip(*seen, strict=True)
    assert before[0] == 50.5
    assert before[1:] == after[:-1]
    assert after[-1] < 1e-12


def test_lbfgs_stops_when_visit_returns_false():
    iterations = []

    def visit(loss, parameters):
        iterations.append(loss)
        return len(iterations) < 3

    LBFGS().minimize(lambda x: (float((x**4).sum()), 4 * x**3), np.ones(5), 100, 0.0, visit)
    assert len(iterations) == 3


def test_parameters_from_lbfgs_are_not_changed_later():
    """Neither scipy nor the solver writes into parameters that a callback may have kept."""
    handed_out = []

    def keep(x):
        handed_out.append((x, x.copy()))
        return True

    def objective(x):
        keep(x)
        return float((x**4).sum()), 4 * x**3

    LBFGS().minimize(objective, np.ones(5), 20, 0.0, lambda loss, x: keep(x))
    assert len(handed_out) > 20
    for kept, as_it_was in handed_out:
        assert_array_equal(kept, as_it_was)


def test_lbfgs_reports_the_loss_of_an_iteration_after_other_evaluations_too(monkeypatch):
    def evaluate_elsewhere(evaluate, x, callback, **settings):
        evaluate(x)
        for place in (x + 1, x + 2):
            evaluate(place + 10)
            callback(place)
        return OptimizeResult(nit=2, nfev=3)

    monkeypatch.setattr(skinit.solvers, "minimize", evaluate_elsewhere)
    losses = []

    def visit(loss, parameters):
        losses.append(loss)
        return True

    LBFGS().minimize(lambda x: (float(x @ x), 2 * x), np.ones(1), 5, 0.0, visit)
    assert losses == [1.0, 4.0]


@pytest.mark.parametrize("name", [name for name, each in SOLVERS.items() if each.takes_steps])
def test_the_steps_of_scale_free_solvers_alone_are_as_long_for_a_small_gradient(name):
    solver, parameters = SOLVERS[name], np.zeros(1)
    large, small = (
        solver.step(parameters, np.array([size]), 0.1, solver.initial_state(parameters))[0]
        for size in (1.0, 1e-3)
    )
    assert np.allclose(large, small, rtol=1e-3) == solver.scale_free
