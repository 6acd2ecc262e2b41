import pickle

import numpy as np
import pytest
from drawn_problems import SETTLED_LOSSES
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, huber
from sklearn.base import clone
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    mean_poisson_deviance,
    mean_squared_error,
)

import skinit.losses
from skinit.engine.arrays import DenseLayout, call_all
from skinit.losses import (
    LINKS_FOR,
    LOSSES,
    AbsoluteError,
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Loss,
    MultinomialCrossEntropy,
    Poisson,
    SquaredError,
    resolve_loss,
)

BINARY, MULTINOMIAL, SQUARED = BinaryCrossEntropy(), MultinomialCrossEntropy(), SquaredError()
BOUNDED = [name for name, loss in SETTLED_LOSSES.items() if loss.link_name != "exp"]

EXTREMES = [(np.float32, 1e30), (np.float64, 1e300)]


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture
def raw(rng):
    return rng.normal(0, 3, (40, 3))


@pytest.fixture
def labels(rng):
    return rng.randint(0, 3, 40)


@pytest.fixture
def one_hot(labels):
    return np.eye(3)[labels]


@pytest.mark.parametrize("targets", ["certain", "uncertain"])
@pytest.mark.parametrize("name", SETTLED_LOSSES)
def test_gradient_equals_finite_differences(name, targets, raw, one_hot, rng, numerical_gradient):
    loss, wanted = SETTLED_LOSSES[name], one_hot
    if targets == "uncertain":
        wanted = rng.dirichlet(np.ones(3), len(raw))
    expected = numerical_gradient(lambda z: loss.per_sample(z, wanted).sum(), raw)
    # The sum over all samples has the rounding error of its largest terms.
    atol = 1e-9 + 1e-11 * np.abs(expected).max()
    assert_allclose(loss.gradient(raw, wanted), expected, rtol=1e-7, atol=atol)


@pytest.mark.parametrize("part", ["link", "gradient"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SETTLED_LOSSES)
def test_predictions_and_gradients_keep_dtype_and_shape(name, part, dtype, raw, one_hot):
    z, wanted = raw.astype(dtype).reshape(4, 10, 3), one_hot.astype(dtype).reshape(4, 10, 3)
    loss = SETTLED_LOSSES[name]
    result = loss.link(z) if part == "link" else loss.gradient(z, wanted)
    assert (result.dtype, result.shape) == (z.dtype, z.shape)


@pytest.mark.parametrize("name", SETTLED_LOSSES)
def test_a_stack_has_the_losses_of_its_members(name, raw, one_hot):
    loss = SETTLED_LOSSES[name]
    stacked = loss.per_sample(raw.reshape(4, 10, 3), one_hot.reshape(4, 10, 3))
    assert_allclose(stacked.ravel(), loss.per_sample(raw, one_hot), rtol=1e-15)


@pytest.mark.parametrize(("dtype", "size"), EXTREMES)
@pytest.mark.parametrize("name", BOUNDED)
def test_gradients_are_finite_for_the_largest_raw_predictions(name, dtype, size):
    z = np.array([[size, -size, 0], [-size, size, 0], [size, size, size]], dtype)
    wanted = np.eye(3, dtype=dtype)[[0, 0, 1]]
    assert np.isfinite(SETTLED_LOSSES[name].gradient(z, wanted)).all()


@pytest.mark.parametrize(("dtype", "size"), EXTREMES)
def test_binary_cross_entropy_is_zero_when_right_and_the_logit_when_wrong(dtype, size):
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
def test_probabilities_and_their_logarithms_are_finite_for_the_largest_logits(loss, dtype, size):
    z = np.array([[size, -size, 0], [-size, -size, size]], dtype)
    assert np.isfinite([loss.link(z), loss.log_link(z)]).all()


def test_binary_cross_entropy_equals_scikit_learn(raw, labels):
    wanted = (labels == 1).astype(float)
    ours = BINARY.per_sample(raw[:, :1], wanted[:, np.newaxis]).mean()
    assert_allclose(ours, log_loss(wanted, expit(raw[:, 0])), rtol=1e-12)


def test_multilabel_cross_entropy_is_the_sum_over_the_labels(raw, one_hot):
    each = [log_loss(one_hot[:, k], expit(raw[:, k])) for k in range(3)]
    assert_allclose(BINARY.per_sample(raw, one_hot).mean(), sum(each), rtol=1e-12)


def test_multinomial_cross_entropy_equals_scikit_learn(raw, labels, one_hot):
    ours = MULTINOMIAL.per_sample(raw, one_hot).mean()
    assert_allclose(ours, log_loss(labels, MULTINOMIAL.link(raw)), rtol=1e-12)


def test_squared_error_is_half_of_scikit_learns_summed_over_outputs(raw, one_hot):
    ours = SQUARED.per_sample(raw, one_hot).mean()
    each = mean_squared_error(one_hot, raw, multioutput="raw_values")
    assert_allclose(ours, each.sum() / 2, rtol=1e-12)


@pytest.mark.parametrize("loss", [BINARY, MULTINOMIAL])
def test_log_link_is_the_logarithm_of_the_link(loss, raw):
    assert_allclose(loss.log_link(raw), np.log(loss.link(raw)), rtol=1e-10, atol=1e-14)


def test_log_link_is_exact_where_the_probability_rounds_to_zero():
    assert_allclose(BINARY.log_link(np.array([[-1000.0]])), -1000)
    assert_allclose(MULTINOMIAL.log_link(np.array([[0.0, 1000.0]])), [[-1000, 0]])


def test_probabilities_of_the_classes_sum_to_one(raw):
    assert_allclose(MULTINOMIAL.link(raw).sum(axis=-1), 1, rtol=1e-14)


@pytest.mark.parametrize("loss", [SQUARED, AbsoluteError(), Huber()])
def test_predictions_with_the_identity_link_are_the_raw_predictions(loss, raw):
    assert_array_equal(loss.link(raw), raw)


def test_the_raw_predictions_of_counts_are_logarithms(raw):
    assert_allclose(np.log(Poisson().link(raw)), raw, atol=1e-14)


def test_absolute_error_is_scikit_learns_summed_over_outputs(raw, one_hot):
    each = mean_absolute_error(one_hot, raw, multioutput="raw_values")
    assert_allclose(AbsoluteError().per_sample(raw, one_hot).mean(), each.sum(), rtol=1e-12)


@pytest.mark.parametrize("delta", [0.1, 1.0, 30.0])
def test_huber_loss_is_scipys_summed_over_outputs(delta, raw, one_hot):
    expected = huber(delta, raw - one_hot).sum(axis=1)
    assert_allclose(Huber(delta).per_sample(raw, one_hot), expected, rtol=1e-12)


def test_huber_loss_is_the_squared_error_or_the_absolute_one_in_its_limits(raw, one_hot):
    wide, narrow = (Huber(delta).per_sample(raw, one_hot) for delta in (1e3, 1e-9))
    assert_allclose(wide, SQUARED.per_sample(raw, one_hot))
    assert_allclose(narrow / 1e-9, AbsoluteError().per_sample(raw, one_hot))


def test_poisson_loss_is_half_of_scikit_learns_deviance_summed_over_outputs(raw, labels):
    counts = np.column_stack([labels, 3 * labels, 0 * labels]).astype(float)
    each = [mean_poisson_deviance(counts[:, k], np.exp(raw[:, k])) for k in range(3)]
    assert_allclose(Poisson().per_sample(raw, counts).mean(), sum(each) / 2, rtol=1e-12)


@pytest.mark.parametrize(("dtype", "largest"), [(np.float32, 88.0), (np.float64, 709.0)])
def test_poisson_loss_is_finite_as_long_as_the_prediction_is(dtype, largest):
    z = np.array([[largest], [-np.finfo(dtype).max / 8]], dtype)
    for count in (0, 1, 5):
        wanted = np.full((2, 1), count, dtype)
        assert np.isfinite(Poisson().per_sample(z, wanted)).all()
        assert np.isfinite(Poisson().gradient(z, wanted)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_does_not_depend_on_a_constant_added_to_all_logits(dtype):
    z = np.array([[0.125, -1.5, 3.0], [2.0, 2.0, -4.25]], dtype)
    wanted = np.eye(3, dtype=dtype)[[0, 1]]
    far = z + dtype(2**15)  # exact in float32 too
    assert_array_equal(MULTINOMIAL.link(far), MULTINOMIAL.link(z))
    assert_allclose(
        MULTINOMIAL.per_sample(far, wanted),
        MULTINOMIAL.per_sample(z, wanted),
        rtol=4 * np.finfo(dtype).eps,
    )


def test_softmax_does_not_depend_on_the_order_of_the_classes(raw, one_hot):
    turned = MULTINOMIAL.per_sample(raw[:, ::-1], one_hot[:, ::-1])
    assert_allclose(turned, MULTINOMIAL.per_sample(raw, one_hot), rtol=1e-14)


def test_softmax_of_two_classes_is_logistic_in_their_difference(raw, labels):
    wanted = (labels[:, np.newaxis] == 1).astype(float)
    two = MULTINOMIAL.per_sample(raw[:, :2], np.hstack([1 - wanted, wanted]))
    one = BINARY.per_sample(raw[:, 1:2] - raw[:, :1], wanted)
    assert_allclose(two, one, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_confident_and_right_prediction_keeps_its_small_loss(dtype):
    z, wanted = np.array([[30.0], [-30.0]], dtype), np.array([[1.0], [0.0]], dtype)
    assert_allclose(BINARY.per_sample(z, wanted), np.log1p(np.exp(-30)), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SETTLED_LOSSES)
def test_compiled_calls_compute_gradients_and_losses(name, dtype, raw, one_hot):
    # Targets that are neither 0 nor 1, like smoothed labels.
    loss, targets = SETTLED_LOSSES[name], np.asfortranarray(0.9 * one_hot + 0.1 / 3, dtype)
    # Two iterations on the same samples, with small raw predictions and with large ones.
    stack = np.stack([raw, (40 if name in BOUNDED else 4) * raw]).astype(dtype)
    z = loss.input_factor * stack.swapaxes(1, 2)
    delta = np.empty(targets.T.shape, dtype)
    left = np.empty((2, loss.n_loss_inputs, len(targets)), dtype)
    news, calls = loss.compiled_calls(z, targets.T, delta, DenseLayout(dtype).new, left)
    close = {"rtol": 20 * np.finfo(dtype).eps, "atol": 20 * np.finfo(dtype).eps}
    call_all(news)
    for k, some in enumerate(calls):
        call_all(some)
        assert_allclose(delta.T / loss.output_factor, loss.gradient(stack[k], targets), **close)
    assert_allclose(loss.compiled_losses(left), loss.per_sample(stack, targets), **close)


def test_links_carry_scikit_learns_names():
    names = {loss.link_name for loss in SETTLED_LOSSES.values()}
    assert names == {"identity", "exp", "logistic", "softmax"}


@pytest.mark.parametrize("name", SETTLED_LOSSES)
def test_the_inverse_link_leads_back_to_the_raw_predictions(name, raw):
    loss = SETTLED_LOSSES[name]
    if loss.link_name == "softmax":  # which does not see what is added to all raw
        raw = raw - np.log(np.exp(raw).sum(axis=-1, keepdims=True))
    assert_allclose(loss.inverse_link(loss.link(raw)), raw, rtol=1e-9)


@pytest.mark.parametrize("loss", [BINARY, MULTINOMIAL])
def test_confident_predictions_have_finite_raw_predictions(loss):
    confident = np.array([0.0, 1.0])
    assert_allclose(loss.link(loss.inverse_link(confident)), confident, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", SETTLED_LOSSES)
def test_no_constant_is_better_than_the_best_constant(name, weighted, rng, one_hot):
    loss, weight = SETTLED_LOSSES[name], rng.uniform(size=40) if weighted else None
    # The median of an odd number of samples is unique.
    targets, weight = one_hot[:39], None if weight is None else weight[:39]
    if loss.link_name in ("identity", "exp"):
        targets = targets * rng.uniform(0, 5, (39, 1)) + 0.1

    def mean_loss(constant):
        losses = loss.per_sample(np.broadcast_to(constant, targets.shape), targets)
        return np.average(losses, weights=weight)

    best = loss.best_constant(targets, weight)
    around = [best + step * axis for step in (-1e-3, 1e-3) for axis in np.eye(3)]
    assert min(map(mean_loss, around)) > mean_loss(best)


# --- Targets, as a loss prepares them -----------------------------------------------------------


@pytest.mark.parametrize("name", SETTLED_LOSSES)
def test_without_label_smoothing_targets_are_not_changed(name, one_hot):
    assert_array_equal(SETTLED_LOSSES[name].prepare_targets(one_hot), one_hot)


def test_smoothing_distributes_probability_over_all_classes():
    prepared = MultinomialCrossEntropy(0.3).prepare_targets(np.array([[0.0, 1.0, 0.0]]))
    assert_allclose(prepared, [[0.1, 0.8, 0.1]])


def test_smoothing_of_labels_distributes_it_over_zero_and_one():
    prepared = BinaryCrossEntropy(0.2).prepare_targets(np.array([[0.0, 1.0, 1.0]]))
    assert_allclose(prepared, [[0.1, 0.9, 0.9]])


def test_a_smoothed_loss_is_a_mean_of_that_of_the_label_and_that_of_all_classes(raw, one_hot):
    """Szegedy et al., section 7: H(q', p) = (1 - epsilon) H(q, p) + epsilon H(u, p)."""
    loss = MultinomialCrossEntropy(0.3)
    ours = loss.per_sample(raw, loss.prepare_targets(one_hot))
    uniform = -loss.log_link(raw).mean(axis=1)
    assert_allclose(ours, 0.7 * MULTINOMIAL.per_sample(raw, one_hot) + 0.3 * uniform)


def test_two_smoothed_classes_are_the_same_as_one_smoothed_label(raw, labels):
    wanted = (labels[:, np.newaxis] == 1).astype(float)
    one, two = BinaryCrossEntropy(0.2), MultinomialCrossEntropy(0.2)
    assert_allclose(
        one.per_sample(raw[:, 1:2] - raw[:, :1], one.prepare_targets(wanted)),
        two.per_sample(raw[:, :2], two.prepare_targets(np.hstack([1 - wanted, wanted]))),
    )


@pytest.mark.parametrize("number", [float, np.float64, np.array])
@pytest.mark.parametrize("name", SETTLED_LOSSES)
def test_settings_of_any_number_type_keep_float32(name, number, raw, one_hot):
    """A NumPy float64 scalar widens a float32 array, where a Python float does not."""
    loss = clone(SETTLED_LOSSES[name])
    loss.set_params(**{key: number(0.5) for key in loss.get_params()})
    z, wanted = raw.astype(np.float32), one_hot.astype(np.float32)
    prepared = loss.prepare_targets(wanted)
    results = [prepared, loss.per_sample(z, prepared), loss.gradient(z, prepared), loss.link(z)]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", SETTLED_LOSSES)
def test_arguments_of_a_loss_are_not_changed(name, raw, one_hot):
    loss = clone(SETTLED_LOSSES[name])
    loss.set_params(**dict.fromkeys(loss.get_params(), 0.5))
    before = raw.copy(), one_hot.copy()
    loss.per_sample(raw, loss.prepare_targets(one_hot))
    loss.gradient(raw, one_hot)
    loss.link(raw)
    assert_array_equal(raw, before[0])
    assert_array_equal(one_hot, before[1])


def test_counts_are_not_negative():
    with pytest.raises(ValueError, match=r"y must hold no negative value.*got -2\.0"):
        Poisson().prepare_targets(np.array([[1.0], [-2.0]]))


@pytest.mark.parametrize("counts", [[[0.0], [0.0]], [[0.0, 1.0], [0.0, 2.0]]])
def test_counts_may_be_all_zero_only_in_a_part_of_the_data(counts):
    with pytest.raises(ValueError, match=r"y, or a column of it, is 0 for all samples"):
        Poisson().prepare_targets(np.array(counts))
    assert_array_equal(Poisson().prepare_targets(np.array(counts), whole=False), counts)


# --- Names and objects --------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_clone_and_pickle_keep_the_settings(name):
    loss = clone(LOSSES[name]).set_params(**dict.fromkeys(LOSSES[name].get_params(), 0.25))
    for copy in (clone(loss), pickle.loads(pickle.dumps(loss))):
        assert (type(copy), copy.get_params()) == (type(loss), loss.get_params())


@pytest.mark.parametrize("loss", [*LOSSES.values(), CrossEntropy(0.1), Huber(2.0)], ids=repr)
def test_repr_evaluates_back(loss):
    back = eval(repr(loss), vars(skinit.losses))
    assert (type(back), back.get_params()) == (type(loss), loss.get_params())


@pytest.mark.parametrize(
    ("loss", "targets", "expected"),
    [
        ("auto", "numbers", SquaredError),
        ("auto", "two classes", BinaryCrossEntropy),
        ("auto", "several labels", BinaryCrossEntropy),
        ("auto", "several classes", MultinomialCrossEntropy),
        (CrossEntropy(0.1), "two classes", BinaryCrossEntropy),
        (CrossEntropy(0.1), "several labels", BinaryCrossEntropy),
        (CrossEntropy(0.1), "several classes", MultinomialCrossEntropy),
    ],
)
def test_the_targets_decide_which_cross_entropy_is_used(loss, targets, expected):
    resolved = resolve_loss(loss, targets)
    assert type(resolved) is expected
    if isinstance(loss, CrossEntropy):
        assert resolved.get_params() == loss.get_params()


@pytest.mark.parametrize("targets", LINKS_FOR)
@pytest.mark.parametrize("name", SETTLED_LOSSES)
def test_a_loss_fits_the_targets_that_its_link_fits(name, targets):
    loss = SETTLED_LOSSES[name]
    if loss.link_name in LINKS_FOR[targets]:
        assert type(resolve_loss(name, targets)) is type(loss)
        assert resolve_loss(loss, targets) is loss
        return
    for name_or_object in (name, loss):
        with pytest.raises(ValueError, match=f"loss=.* is not for {targets}; give 'auto', '"):
            resolve_loss(name_or_object, targets)


@pytest.mark.parametrize("targets", LINKS_FOR)
def test_losses_that_an_error_suggests_fit(targets):
    wrong = "huber" if targets != "numbers" else "cross_entropy"
    with pytest.raises(ValueError, match="is not for") as caught:
        resolve_loss(wrong, targets)
    names = str(caught.value).partition("; give ")[2].partition(", or your own ")[0]
    for name in names.split(", "):
        resolve_loss(name.strip("'"), targets)


def test_a_misspelled_loss_gets_did_you_mean():
    with pytest.raises(ValueError, match=r"loss='hubr' .* did you mean 'huber'"):
        resolve_loss("hubr", "numbers")


@pytest.mark.parametrize("junk", [None, 3, np.abs, Loss(np.abs, None), Loss(None, np.sign)])
def test_other_objects_are_refused_with_valid_examples(junk):
    with pytest.raises(TypeError, match=r"is not a loss; give a name such as 'auto'"):
        resolve_loss(junk, "numbers")


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (Huber(delta=0), "delta"),
        (Huber(delta="wide"), "delta"),
        (Huber(delta=np.inf), "delta"),
        (CrossEntropy(label_smoothing=1), "label_smoothing"),
        (CrossEntropy(label_smoothing=-0.1), "label_smoothing"),
        (BinaryCrossEntropy(label_smoothing=None), "label_smoothing"),
        (MultinomialCrossEntropy(label_smoothing=np.nan), "label_smoothing"),
        (Loss(np.abs, np.sign, link_name="sigmoid"), "link_name='sigmoid'"),
    ],
)
def test_a_setting_that_is_out_of_range_is_named(loss, name):
    with pytest.raises((ValueError, TypeError), match=name):
        resolve_loss(loss, "numbers")


@pytest.mark.parametrize("name", SETTLED_LOSSES)
def test_a_custom_loss_is_its_two_functions_and_a_link(name, raw, one_hot):
    ours = SETTLED_LOSSES[name]
    own = Loss(ours.per_sample, ours.gradient, ours.link_name)
    assert_array_equal(own.per_sample(raw, one_hot), ours.per_sample(raw, one_hot))
    assert_array_equal(own.gradient(raw, one_hot), ours.gradient(raw, one_hot))
    assert_array_equal(own.link(raw), ours.link(raw))
