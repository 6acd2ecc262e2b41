"""skops stores a fitted model, and loads it again trusting nothing but skinit's own classes."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris

from skinit import InitMLPClassifier, InitMLPRegressor
from skinit.activations import LeakyReLU
from skinit.initializers import He, PerLayer
from skinit.schedules import CosineDecay
from skinit.solvers import SOLVERS, Adam

skops = pytest.importorskip("skops.io")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)

OBJECTS = {
    "init": PerLayer(hidden=He(gain=0.5), output="zeros"),
    "activation": ["tanh", LeakyReLU(0.1)],
    "solver": Adam(beta_1=0.8),
    "learning_rate": CosineDecay(0.01),
}
SETTINGS = [*({"solver": name} for name in SOLVERS), OBJECTS, {"early_stopping": True}]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("Model", [InitMLPClassifier, InitMLPRegressor])
def test_a_model_is_loaded_by_trusting_our_classes_alone(Model, settings):
    targets = np.array(["setosa", "versicolor", "virginica"])[y]
    targets = targets if Model is InitMLPClassifier else X[:, :2]
    model = Model(max_iter=5, random_state=0, **settings).fit(X, targets)
    stored = skops.dumps(model)
    not_trusted = skops.get_untrusted_types(data=stored)
    assert {name.partition(".")[0] for name in not_trusted} == {"skinit"}

    loaded = skops.loads(stored, trusted=not_trusted)
    assert_array_equal(loaded.predict(X), model.predict(X))
    loaded, model = (
        each.set_params(warm_start=True, max_iter=3).fit(X, targets) for each in (loaded, model)
    )
    for array, expected in zip(loaded.coefs_, model.coefs_, strict=True):
        assert_array_equal(array, expected)
