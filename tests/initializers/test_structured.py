import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.linalg import hadamard

from skinit import initialize_parameters
from skinit.initializers import (
    LeCun,
    NoisyIdentity,
    Normal,
    Orthogonal,
    Sinusoidal,
    Sparse,
    ZerO,
)


def weights(init, fan_in, fan_out, seed=0):
    """Return the weights of a layer, of shape (fan_in, fan_out)."""
    return initialize_parameters([fan_in, fan_out], init, random_state=seed)["W1"].T


@pytest.fixture
def signals():
    """Return a function that draws signals of so many units."""
    return lambda n_units: np.random.RandomState(1).normal(size=(20, n_units))


# orthogonal matrices


@pytest.mark.parametrize(("fan_in", "fan_out"), [(6, 6), (6, 9), (1, 4)])
def test_orthogonal_preserves_lengths_and_angles(fan_in, fan_out, signals):
    before = signals(fan_in)
    after = before @ weights(Orthogonal(), fan_in, fan_out)
    assert_allclose(after @ after.T, before @ before.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(9, 6), (4, 1)])
def test_orthogonal_of_fewer_units_preserves_gradients(fan_in, fan_out, signals):
    delta = signals(fan_out)
    back = delta @ weights(Orthogonal(), fan_in, fan_out).T
    assert_allclose(back @ back.T, delta @ delta.T, rtol=1e-12, atol=1e-12)


@pytest.fixture(scope="module")
def rotations():
    """Return many rotations of four dimensions: the layers of a very deep network."""
    parameters = initialize_parameters([4] * 1001, Orthogonal(), random_state=0)
    return np.stack([parameters[f"W{number}"] for number in range(1, 1001)])


def test_entries_of_a_rotation_are_those_of_a_point_on_the_sphere(rotations):
    """The square of a coordinate is beta distributed; the coordinate, after a shift."""
    points = (rotations.reshape(-1, 16).T + 1) / 2
    for entry in points:
        assert stats.kstest(entry, stats.beta(1.5, 1.5).cdf).pvalue > 1e-4


@pytest.mark.parametrize("power", [1, 2, 3])
def test_rotations_are_uniform_as_those_of_scipy(rotations, power):
    theirs = stats.ortho_group.rvs(4, size=1000, random_state=1)
    traces = [
        np.trace(np.linalg.matrix_power(sample, power), axis1=1, axis2=2)
        for sample in (rotations, theirs)
    ]
    assert stats.ks_2samp(*traces).pvalue > 1e-4


def test_rotations_and_reflections_are_equally_likely(rotations):
    n_reflections = int((np.linalg.det(rotations) < 0).sum())
    assert stats.binomtest(n_reflections, len(rotations)).pvalue > 1e-4


@pytest.mark.parametrize(("fan_in", "fan_out"), [(5, 5), (7, 3), (3, 7)])
def test_orthogonal_draws_the_numbers_of_the_normal_initializers(fan_in, fan_out):
    """As in the Gram-Schmidt process, the first direction is that of the drawn numbers."""
    rotated, drawn = (weights(init, fan_in, fan_out) for init in (Orthogonal(), Normal()))
    if fan_in < fan_out:
        rotated, drawn = rotated.T, drawn.T
    assert_allclose(rotated[:, 0], drawn[:, 0] / np.linalg.norm(drawn[:, 0]), rtol=1e-12)


@pytest.mark.parametrize("scale_rectangular", [False, True])
@pytest.mark.parametrize(("fan_in", "fan_out"), [(5, 5), (7, 3), (3, 7)])
def test_gain_multiplies_rotations(fan_in, fan_out, scale_rectangular):
    plain, gained = (
        weights(Orthogonal(gain, scale_rectangular), fan_in, fan_out) for gain in (1.0, 3.0)
    )
    assert_allclose(gained, 3 * plain, rtol=1e-14)


def test_a_scaled_layer_that_widens_keeps_the_mean_square(signals):
    before = signals(3)
    after = before @ weights(Orthogonal(scale_rectangular=True), 3, 8)
    assert_allclose((after**2).mean(axis=1), (before**2).mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(5, 5), (7, 3)])
def test_scaling_matters_only_where_a_layer_widens(fan_in, fan_out):
    scaled = weights(Orthogonal(scale_rectangular=True), fan_in, fan_out)
    assert_array_equal(scaled, weights(Orthogonal(), fan_in, fan_out))


@pytest.mark.parametrize(("fan_in", "fan_out"), [(5, 5), (7, 3), (3, 7), (8, 1), (1, 8)])
def test_scaled_rotations_have_the_variance_of_lecun(fan_in, fan_out):
    W = weights(Orthogonal(gain=2.0, scale_rectangular=True), fan_in, fan_out)
    assert_allclose(np.mean(W**2), 4 / fan_in, rtol=1e-12)


# few inputs per unit


@pytest.mark.parametrize(
    ("nonzero", "expected"),
    [(15, 15), (1, 1), (40, 40), (100, 40), (0.25, 10), (1.0, 40), (0.01, 1), (np.int64(3), 3)],
)
def test_every_unit_of_a_sparse_layer_has_as_many_inputs_as_asked_for(nonzero, expected):
    W = weights(Sparse(nonzero), fan_in=40, fan_out=70)
    assert_array_equal((W != 0).sum(axis=0), np.full(70, expected))


def test_sparse_has_fifteen_weights_of_variance_one_per_unit():
    W = weights(Sparse(), fan_in=100, fan_out=400)
    assert_array_equal((W != 0).sum(axis=0), np.full(400, 15))
    assert stats.kstest(W[W != 0], "norm").pvalue > 1e-4


def test_inputs_of_sparse_units_are_chosen_at_equal_rates():
    """Each of 50 inputs is chosen with probability 1/5; fixed counts make the spread smaller."""
    chosen = (weights(Sparse(nonzero=10), fan_in=50, fan_out=2000) != 0).sum(axis=1)
    statistic = ((chosen - 400) ** 2 / (2000 * 0.2 * 0.8)).sum() * 49 / 50
    assert 1e-4 < stats.chi2(49).cdf(statistic) < 1 - 1e-4


def test_sparse_keeps_some_of_the_weights_that_normal_draws():
    sparse, drawn = weights(Sparse(nonzero=3, std=0.5), 9, 5), weights(Normal(std=0.5), 9, 5)
    assert_array_equal(sparse[sparse != 0], drawn[sparse != 0])


@pytest.mark.parametrize("nonzero", [0, -1, 0.0, 1.5, 15.0, np.nan, True, None, "15"])
def test_an_invalid_number_of_weights_is_an_error(nonzero):
    with pytest.raises(ValueError, match=r"nonzero=.* an int from 1 on.*or a float"):
        weights(Sparse(nonzero), 4, 3)


# Hadamard


@pytest.mark.parametrize(("fan_in", "fan_out"), [(1, 2), (2, 3), (3, 4), (5, 6), (5, 8), (2, 33)])
def test_hadamard_is_the_corner_of_scipys(fan_in, fan_out):
    order = next(2**k for k in range(10) if 2**k >= fan_out)
    expected = hadamard(order)[:fan_in, :fan_out] / np.sqrt(order)
    assert_allclose(weights(ZerO(), fan_in, fan_out), expected, rtol=1e-15)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(4, 4), (4, 2), (1, 1)])
def test_hadamard_is_the_identity_in_layers_that_do_not_widen(fan_in, fan_out, signals):
    before = signals(fan_in)
    assert_array_equal(before @ weights(ZerO(), fan_in, fan_out), before[:, :fan_out])


def test_hadamard_loses_no_direction():
    shapes = [(fan_in, fan_out) for fan_in in range(1, 12) for fan_out in range(1, 24)]
    ranks = [np.linalg.matrix_rank(weights(ZerO(), *shape)) for shape in shapes]
    assert ranks == [min(shape) for shape in shapes]


@pytest.mark.parametrize(("fan_in", "fan_out"), [(1, 8), (3, 16), (7, 8)])
def test_hadamard_keeps_lengths_where_units_are_a_power_of_two(fan_in, fan_out, signals):
    before = signals(fan_in)
    after = before @ weights(ZerO(), fan_in, fan_out)
    assert_allclose(np.linalg.norm(after, axis=1), np.linalg.norm(before, axis=1), rtol=1e-12)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(1, 7), (3, 5), (9, 17)])
def test_hadamard_keeps_much_of_single_inputs_for_any_number_of_units(fan_in, fan_out):
    lengths = np.linalg.norm(weights(ZerO(), fan_in, fan_out), axis=1)
    assert 0.5**0.5 < lengths.min() <= lengths.max() < 1


# the identity and noise


@pytest.mark.parametrize(("fan_in", "fan_out"), [(4, 4), (4, 3), (4, 11)])
def test_a_noisy_identity_is_the_identity_and_the_noise_of_lecun(fan_in, fan_out):
    expected = weights(LeCun(gain=0.3), fan_in, fan_out)
    for i in range(fan_in):
        for j in range(fan_out):
            expected[i, j] += i == j % fan_in
    assert_array_equal(weights(NoisyIdentity(noise=0.3), fan_in, fan_out), expected)


def signal_after(init, widths):
    """Send samples through a network of tanh units; return what arrives at its end."""
    initial = initialize_parameters(widths, init, random_state=0)
    signal = np.random.RandomState(1).normal(size=(50, widths[0]))
    for number in range(1, len(widths)):
        signal = np.tanh(signal @ initial[f"W{number}"].T)
    return signal


def test_noisy_identity_keeps_signals_in_a_hundred_narrow_tanh_layers():
    widths = [16, *[16, 4] * 50]
    noisy, gaussian = (signal_after(init, widths) for init in (NoisyIdentity(), LeCun()))
    assert 0.05 < np.sqrt(np.mean(noisy**2)) < 0.5
    assert np.linalg.matrix_rank(noisy, tol=0.1) == 4
    assert np.sqrt(np.mean(gaussian**2)) < 0.005


# waves


SHAPES = [(1, 3), (3, 1), (4, 4), (5, 5), (3, 6), (6, 3), (7, 12), (16, 10)]


@pytest.mark.parametrize(("fan_in", "fan_out"), SHAPES)
def test_sinusoidal_is_the_formula_of_the_paper(fan_in, fan_out):
    waves = np.array(
        [
            [
                np.sin(2 * np.pi * unit * i / fan_in + 2 * np.pi * unit / fan_out)
                for unit in range(1, fan_out + 1)
            ]
            for i in range(fan_in)
        ]
    )
    amplitude = np.sqrt(2 / (fan_in + fan_out) / np.mean(waves**2))
    assert_allclose(weights(Sinusoidal(), fan_in, fan_out), amplitude * waves, atol=1e-12)


@pytest.mark.parametrize(("fan_in", "fan_out"), [*SHAPES, (1, 1), (1, 2), (2, 1), (2, 2)])
def test_waves_have_the_mean_square_of_glorot(fan_in, fan_out):
    W = weights(Sinusoidal(gain=3.0), fan_in, fan_out)
    assert_allclose(np.mean(W**2), 18 / (fan_in + fan_out), rtol=1e-12)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(8, 7), (9, 8), (64, 10)])
def test_waves_ignore_a_number_added_to_all_inputs(fan_in, fan_out):
    """A whole number of periods sums to zero."""
    W = weights(Sinusoidal(), fan_in, fan_out)
    assert_allclose(np.ones(fan_in) @ W, np.zeros(fan_out), atol=1e-12)


@pytest.mark.parametrize(
    ("fan_in", "fan_out", "silent"),
    [
        (4, 4, [1, 3]),
        (5, 5, [4]),
        (4, 12, [5, 11]),
        (3, 9, [8]),
        (4, 6, [5]),
        (6, 3, [2]),
        (4, 5, []),
        (7, 4, []),
    ],
)
def test_units_have_zero_weights_where_the_notes_say_so(fan_in, fan_out, silent):
    W = weights(Sinusoidal(), fan_in, fan_out)
    assert_array_equal(np.flatnonzero(~W.any(axis=0)), silent)


# settings


@pytest.mark.parametrize(
    ("init", "setting"),
    [
        (Orthogonal(gain=-1), "gain"),
        (Orthogonal(gain="relu"), "gain"),
        (Sparse(std=-1), "std"),
        (NoisyIdentity(noise=-1), "noise"),
        (Sinusoidal(gain=None), "gain"),
    ],
    ids=repr,
)
def test_a_wrong_setting_is_named(init, setting):
    with pytest.raises((TypeError, ValueError), match=setting):
        weights(init, 3, 3)


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        (Orthogonal(gain=0.5), "= 0.5^2 I"),
        (Orthogonal(scale_rectangular=True), "= max(fan_out / fan_in, 1) I"),
        (Sparse(nonzero=7, std=0.3), "7 of a unit's W ~ N(0, 0.3^2)"),
        (NoisyIdentity(noise=0.2), "N(0, 0.2^2 / fan_in)"),
        (Sinusoidal(gain=3), "18 / (fan_in + fan_out)"),
    ],
    ids=repr,
)
def test_the_formula_shows_the_setting(init, expected):
    assert expected in init.formula
