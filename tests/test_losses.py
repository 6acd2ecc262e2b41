import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.metrics import log_loss, mean_squared_error

from skinit.losses import LOSSES, BinaryCrossEntropy, MultinomialCrossEntropy, SquaredError
from skinit.tape import run

BINARY, MULTINOMIAL, SQUARED = BinaryCrossEntropy(), MultinomialCrossEntropy(), SquaredError()

EXTREMES = [(np.float32, 1e30), (np.float64, 1e300)]


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture
def scores(rng):
    return rng.normal(0, 3, (40, 3))


@pytest.fixture
def labels(rng):
    return rng.randint(0, 3, 40)


@pytest.fixture
def one_hot(labels):
    return np.eye(3)[labels]


@pytest.mark.parametrize("targets", ["certain", "uncertain"])
@pytest.mark.parametrize("name", LOSSES)
def test_gradient_equals_finite_differences(
    name, targets, scores, one_hot, rng, numerical_gradient
):
    wanted = one_hot if targets == "certain" else rng.dirichlet(np.ones(3), len(scores))
    expected = numerical_gradient(lambda z: LOSSES[name].per_sample(z, wanted).sum(), scores)
    assert_allclose(LOSSES[name].gradient(scores, wanted), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("part", ["link", "gradient"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_predictions_and_gradients_keep_dtype_and_shape(name, part, dtype, scores, one_hot):
    z, wanted = scores.astype(dtype).reshape(4, 10, 3), one_hot.astype(dtype).reshape(4, 10, 3)
    answer = LOSSES[name].link(z) if part == "link" else LOSSES[name].gradient(z, wanted)
    assert (answer.dtype, answer.shape) == (z.dtype, z.shape)


@pytest.mark.parametrize("name", LOSSES)
def test_a_stack_has_the_losses_of_its_members(name, scores, one_hot):
    stacked = LOSSES[name].per_sample(scores.reshape(4, 10, 3), one_hot.reshape(4, 10, 3))
    assert_allclose(stacked.ravel(), LOSSES[name].per_sample(scores, one_hot), rtol=1e-15)


@pytest.mark.parametrize(("dtype", "size"), EXTREMES)
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_finite_for_the_largest_scores(name, dtype, size):
    z = np.array([[size, -size, 0], [-size, size, 0], [size, size, size]], dtype)
    wanted = np.eye(3, dtype=dtype)[[0, 0, 1]]
    assert np.isfinite(LOSSES[name].gradient(z, wanted)).all()


@pytest.mark.parametrize(("dtype", "size"), EXTREMES)
def test_binary_cross_entropy_is_zero_when_right_and_the_score_when_wrong(dtype, size):
    z = np.array([[size], [-size], [size], [-size]], dtype)
    wanted = np.array([[1], [0], [0], [1]], dtype)
    assert_array_equal(BINARY.per_sample(z, wanted), np.array([0, 0, size, size], dtype))


@pytest.mark.parametrize(("dtype", "size"), EXTREMES)
def test_multinomial_cross_entropy_is_zero_when_right_and_the_margin_when_wrong(dtype, size):
    z = np.array([[size, -size, 0], [-size, size, 0]], dtype)
    wanted = np.eye(3, dtype=dtype)[[0, 0]]
    assert_allclose(MULTINOMIAL.per_sample(z, wanted), [0, 2 * size], rtol=1e-6)


@pytest.mark.parametrize(("dtype", "size"), EXTREMES)
@pytest.mark.parametrize("loss", [BINARY, MULTINOMIAL])
def test_probabilities_and_their_logarithms_are_finite_for_the_largest_scores(loss, dtype, size):
    z = np.array([[size, -size, 0], [-size, -size, size]], dtype)
    assert np.isfinite([loss.link(z), loss.log_link(z)]).all()


def test_binary_cross_entropy_equals_scikit_learn(scores, labels):
    wanted = (labels == 1).astype(float)
    ours = BINARY.per_sample(scores[:, :1], wanted[:, np.newaxis]).mean()
    assert_allclose(ours, log_loss(wanted, expit(scores[:, 0])), rtol=1e-12)


def test_multilabel_cross_entropy_is_the_sum_over_the_labels(scores, one_hot):
    each = [log_loss(one_hot[:, k], expit(scores[:, k])) for k in range(3)]
    assert_allclose(BINARY.per_sample(scores, one_hot).mean(), sum(each), rtol=1e-12)


def test_multinomial_cross_entropy_equals_scikit_learn(scores, labels, one_hot):
    ours = MULTINOMIAL.per_sample(scores, one_hot).mean()
    assert_allclose(ours, log_loss(labels, MULTINOMIAL.link(scores)), rtol=1e-12)


def test_squared_error_is_half_of_scikit_learns_summed_over_outputs(scores, one_hot):
    ours = SQUARED.per_sample(scores, one_hot).mean()
    each = mean_squared_error(one_hot, scores, multioutput="raw_values")
    assert_allclose(ours, each.sum() / 2, rtol=1e-12)


@pytest.mark.parametrize("loss", [BINARY, MULTINOMIAL])
def test_log_link_is_the_logarithm_of_the_link(loss, scores):
    assert_allclose(loss.log_link(scores), np.log(loss.link(scores)), rtol=1e-10, atol=1e-14)


def test_log_link_is_exact_where_the_probability_rounds_to_zero():
    assert_allclose(BINARY.log_link(np.array([[-1000.0]])), -1000)
    assert_allclose(MULTINOMIAL.log_link(np.array([[0.0, 1000.0]])), [[-1000, 0]])


def test_probabilities_of_the_classes_sum_to_one(scores):
    assert_allclose(MULTINOMIAL.link(scores).sum(axis=-1), 1, rtol=1e-14)


def test_regression_predicts_its_scores(scores):
    assert_array_equal(SQUARED.link(scores), scores)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_does_not_see_what_is_added_to_all_scores(dtype):
    z = np.array([[0.125, -1.5, 3.0], [2.0, 2.0, -4.25]], dtype)
    wanted = np.eye(3, dtype=dtype)[[0, 1]]
    far = z + dtype(2**15)  # exact in float32 too
    assert_array_equal(MULTINOMIAL.link(far), MULTINOMIAL.link(z))
    assert_allclose(
        MULTINOMIAL.per_sample(far, wanted),
        MULTINOMIAL.per_sample(z, wanted),
        rtol=4 * np.finfo(dtype).eps,
    )


def test_softmax_does_not_see_the_order_of_the_classes(scores, one_hot):
    turned = MULTINOMIAL.per_sample(scores[:, ::-1], one_hot[:, ::-1])
    assert_allclose(turned, MULTINOMIAL.per_sample(scores, one_hot), rtol=1e-14)


def test_softmax_of_two_classes_is_logistic_in_their_difference(scores, labels):
    wanted = (labels[:, np.newaxis] == 1).astype(float)
    two = MULTINOMIAL.per_sample(scores[:, :2], np.hstack([1 - wanted, wanted]))
    one = BINARY.per_sample(scores[:, 1:2] - scores[:, :1], wanted)
    assert_allclose(two, one, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sure_and_right_answer_keeps_its_small_loss(dtype):
    z, wanted = np.array([[30.0], [-30.0]], dtype), np.array([[1.0], [0.0]], dtype)
    assert_allclose(BINARY.per_sample(z, wanted), np.log1p(np.exp(-30)), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_calls_leave_gradients_and_losses(name, dtype, scores, one_hot):
    # Targets that are neither 0 nor 1, as labels that have been smoothed.
    loss, targets = LOSSES[name], np.asfortranarray(0.9 * one_hot + 0.1 / 3, dtype)
    # Two iterations of the same samples, with small scores and with large ones.
    stack = np.stack([scores, 40 * scores]).astype(dtype)
    z = loss.tape_input * stack.swapaxes(1, 2)
    delta = np.empty(targets.T.shape, dtype)
    left = np.empty((2, loss.tape_left, len(targets)), dtype)
    news, calls = loss.tape_calls(z, targets.T, delta, lambda shape: np.empty(shape, dtype), left)
    close = {"rtol": 20 * np.finfo(dtype).eps, "atol": 20 * np.finfo(dtype).eps}
    run(news)
    for k, some in enumerate(calls):
        run(some)
        assert_allclose(delta.T / loss.tape_output, loss.gradient(stack[k], targets), **close)
    assert_allclose(loss.tape_losses(left), loss.per_sample(stack, targets), **close)


def test_links_carry_scikit_learns_names():
    names = {loss.link_name for loss in LOSSES.values()}
    assert names <= {"identity", "logistic", "softmax"}
