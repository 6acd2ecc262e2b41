"""The two data sets of the classic initialization tutorials, split as the tutorials split them."""

from sklearn.datasets import make_circles, make_moons

__all__ = ["load_circles", "load_moons"]


def load_circles():
    """Load two noisy circles, one inside the other: the data of the circles tutorial.

    300 training samples drawn with seed 1 and 100 test samples drawn with seed 2, noise of
    standard deviation 0.05, the two classes equally frequent.

    Returns
    -------
    X_train : ndarray of shape (300, 2)
    y_train : ndarray of shape (300,)
        0 for the outer circle, 1 for the inner one.
    X_test : ndarray of shape (100, 2)
    y_test : ndarray of shape (100,)

    Examples
    --------
    >>> from skinit import load_circles
    >>> X_train, y_train, X_test, y_test = load_circles()
    >>> X_train.shape, y_train.shape, X_test.shape
    ((300, 2), (300,), (100, 2))
    """
    X_train, y_train = make_circles(n_samples=300, noise=0.05, random_state=1)
    X_test, y_test = make_circles(n_samples=100, noise=0.05, random_state=2)
    return X_train, y_train, X_test, y_test


def load_moons():
    """Load two interleaving half circles: the data of the moons tutorial.

    400 training samples drawn with seed 1 and 100 test samples drawn with seed 2, noise of
    standard deviation 0.2. The tutorial fixes no seeds, so its points are others.

    Returns
    -------
    X_train : ndarray of shape (400, 2)
    y_train : ndarray of shape (400,)
        0 for the upper moon, 1 for the lower one.
    X_test : ndarray of shape (100, 2)
    y_test : ndarray of shape (100,)

    Examples
    --------
    >>> from skinit import load_moons
    >>> X_train, y_train, X_test, y_test = load_moons()
    >>> X_train.shape, y_train.shape, X_test.shape
    ((400, 2), (400,), (100, 2))
    """
    X_train, y_train = make_moons(n_samples=400, noise=0.2, random_state=1)
    X_test, y_test = make_moons(n_samples=100, noise=0.2, random_state=2)
    return X_train, y_train, X_test, y_test
