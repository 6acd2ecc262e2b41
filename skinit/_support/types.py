"""Names for the types that public signatures share."""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Array", "MatrixLike", "RandomStateLike"]

# Arrays of numbers; their shapes and dtypes stand in docstrings.
Array: TypeAlias = NDArray[Any]

# What scikit-learn's estimators take as X: whatever becomes an array, data frames too, or sparse.
if TYPE_CHECKING:
    from scipy.sparse import sparray, spmatrix

    MatrixLike: TypeAlias = ArrayLike | spmatrix | sparray | Any
else:  # sparray came with SciPy 1.11
    MatrixLike = Any

RandomStateLike: TypeAlias = int | np.random.RandomState | None
