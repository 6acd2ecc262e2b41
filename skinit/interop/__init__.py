"""Models from and to other libraries.

`scikit_learn` turns models of scikit-learn's MLP into ours and back, fitted or not; `onnx` writes a
fitted model as an ONNX graph. Another library gets a file of its own here.
"""

from skinit.interop.onnx import to_onnx
from skinit.interop.scikit_learn import (
    from_sklearn,
    make_optimizer,
    read_memory,
    solver_of,
    to_sklearn,
    write_memory,
)

__all__ = [
    "from_sklearn",
    "make_optimizer",
    "read_memory",
    "solver_of",
    "to_onnx",
    "to_sklearn",
    "write_memory",
]
