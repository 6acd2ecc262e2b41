"""scikit-learn's own tests of its MLP, with one import line changed, as a user would change it."""

import inspect

import pytest
from sklearn.neural_network.tests import test_mlp

THEIR_IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
OUR_IMPORT = "from skinit.drop_in import MLPClassifier, MLPRegressor\n"

# Some of their tests stop at few iterations, and do not say that they mean to.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def global_random_seed():
    """Give what scikit-learn's conftest.py gives unless told otherwise."""
    return 42


def their_tests():
    """Run their file with the line changed, and return its tests; none is expected to fail."""
    source = inspect.getsource(test_mlp)
    assert source.count(THEIR_IMPORT) == 1
    namespace = {"__name__": "test_mlp_on_the_drop_in"}
    code = compile(source.replace(THEIR_IMPORT, OUR_IMPORT), test_mlp.__file__, "exec")
    exec(code, namespace)
    return {name: test for name, test in namespace.items() if name.startswith("test_")}


globals().update(their_tests())
