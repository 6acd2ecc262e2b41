"""Names for the types that public signatures share."""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:  # sparray came with SciPy 1.11
    from scipy.sparse import sparray, spmatrix

__all__ = ["Array", "MatrixLike", "RandomStateLike"]

# Arrays of numbers; their shapes and dtypes stand in docstrings.
Array: TypeAlias = NDArray[Any]

# What scikit-learn's estimators take as X: whatever becomes an array, data frames too, or sparse.
MatrixLike: TypeAlias = "ArrayLike | spmatrix | sparray | Any"

RandomStateLike: TypeAlias = int | np.random.RandomState | None
