import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import skinit.solvers
from skinit.solvers import SOLVERS, GradientDescent, resolve_solver


@pytest.fixture
def parameters():
    return np.array([1.0, -2.0, 0.5])


@pytest.fixture
def gradient():
    return np.array([4.0, 0.0, -2.0])


def test_gradient_descent_steps_against_the_gradient(parameters, gradient):
    moved, _ = GradientDescent().step(parameters, gradient, 0.25, None)
    assert_array_equal(moved, [0.0, -2.0, 1.0])


@pytest.mark.parametrize("name", SOLVERS)
def test_a_step_leaves_its_arguments_as_they_were(name, parameters, gradient):
    before, slope = parameters.copy(), gradient.copy()
    state = SOLVERS[name].initial_state(parameters)
    SOLVERS[name].step(parameters, gradient, 0.25, state)
    assert_array_equal(parameters, before)
    assert_array_equal(gradient, slope)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SOLVERS)
def test_a_step_keeps_dtype_and_shape(name, dtype):
    parameters = np.ones((2, 3), dtype)
    state = SOLVERS[name].initial_state(parameters)
    moved, _ = SOLVERS[name].step(parameters, np.ones((2, 3), dtype), 0.25, state)
    assert (moved.dtype, moved.shape) == (np.dtype(dtype), (2, 3))


@pytest.mark.parametrize("name", SOLVERS)
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


def test_a_misspelt_solver_gets_did_you_mean():
    with pytest.raises(ValueError, match=r"solver='GD' .* did you mean 'gd'"):
        resolve_solver("GD")


@pytest.mark.parametrize("junk", [None, 0.1, GradientDescent, len])
def test_what_is_no_solver_is_told_what_is(junk):
    with pytest.raises(TypeError, match=r"is not a solver; give a name such as 'gd'"):
        resolve_solver(junk)
