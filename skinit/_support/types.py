"""Names for the types that public signatures share."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import sparray, spmatrix

__all__ = ["Array", "MatrixLike", "RandomStateLike"]

# Arrays of floating-point numbers; their shapes and dtypes stand in docstrings.
Array: TypeAlias = NDArray[Any]

# What scikit-learn's estimators take as X: anything that becomes an array, frames too, or sparse.
MatrixLike: TypeAlias = ArrayLike | spmatrix | sparray | Any

RandomStateLike: TypeAlias = int | np.random.RandomState | None
