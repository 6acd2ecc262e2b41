"""Conversion of models from and to other libraries.

Read `from_scikit_learn` and `to_scikit_learn` first: they turn scikit-learn's multilayer
perceptrons into skinit's and back, fitted or not. `optimizers` converts between the state of a
solver and scikit-learn's optimizer objects, and `counterparts` has what both directions share.
`onnx` writes a fitted model as an ONNX graph.

To add another library, add a file for it. To support a new setting of either side, add it to
`settings_from_mlp` or `settings_for_mlp`, or to `settings_without_counterpart`.
"""

from skinit.interop.from_scikit_learn import from_sklearn
from skinit.interop.onnx import Graph, to_onnx
from skinit.interop.optimizers import (
    make_optimizer,
    read_optimizer_state,
    solver_of,
    write_optimizer_state,
)
from skinit.interop.to_scikit_learn import to_sklearn

__all__ = [
    "Graph",
    "from_sklearn",
    "make_optimizer",
    "read_optimizer_state",
    "solver_of",
    "to_onnx",
    "to_sklearn",
    "write_optimizer_state",
]
