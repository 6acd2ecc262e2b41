"""ONNX: a fitted model as a graph of operators that runs without Python.

The layers, and the conversion of raw predictions to labels and probabilities, are written here.
Each activation writes its own operators, see `BaseActivation.onnx`.
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skinit._support import Array
from skinit.activations import BaseActivation
from skinit.engine import fast_path
from skinit.estimators import BaseInitMLP, InitMLPClassifier, InitMLPRegressor

if TYPE_CHECKING:
    import onnx

__all__ = ["Graph", "to_onnx"]

# Versions of 2020, so that older runtimes can read the file; no newer operator is needed.
OPSET, IR_VERSION = 13, 7

# The operator that follows the raw predictions, by scikit-learn's name of the output activation.
LINKS = {"identity": "Identity", "logistic": "Sigmoid", "softmax": "Softmax", "exp": "Exp"}


def to_onnx(
    estimator: InitMLPClassifier | InitMLPRegressor, path: str | os.PathLike[str] | None = None
) -> "onnx.ModelProto":
    """Write a fitted model as an ONNX graph (extra ``onnx``).

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
        A fitted model. Convert scikit-learn's MLP first: ``from_sklearn(mlp)``.
    path : str or path, default=None
        A file to write the model to; it is returned in any case.

    Returns
    -------
    onnx.ModelProto
        It has one input, "X" of shape (n_samples, n_features), in the dtype of the weights, float32
        or float64. A classifier has the outputs "label" and "probabilities", which are what
        ``predict`` and ``predict_proba`` return. A regressor has the output "variable", always of
        shape (n_samples, n_outputs).

    Raises
    ------
    ImportError
        If onnx is not installed.
    TypeError
        If `estimator` is of another class, or if its labels are neither numbers nor all strings.
    ValueError
        If a custom activation does not define how it is written in ONNX.
    NotFittedError
        If `estimator` is not fitted.

    Notes
    -----
    All operators are of opset 13. onnxruntime has them in both precisions, except the erf of
    "gelu", which is always computed in float32.

    Examples
    --------
    >>> from skinit import InitMLPClassifier, load_circles, to_onnx
    >>> X, y, _, _ = load_circles()
    >>> model = InitMLPClassifier(activation="gelu", max_iter=100, random_state=0).fit(X, y)
    >>> [output.name for output in to_onnx(model).graph.output]
    ['label', 'probabilities']
    """
    if not isinstance(estimator, BaseInitMLP):
        raise TypeError(
            f"to_onnx takes an InitMLPClassifier or an InitMLPRegressor, not "
            f"{type(estimator).__name__}; of a pipeline give the last step, pipeline[-1] (the "
            "graph will not contain the other steps); convert scikit-learn's MLP by from_sklearn "
            "first"
        )
    check_is_fitted(estimator, "coefs_")
    graph = Graph(estimator.coefs_[0].dtype)
    raw_predictions = write_layers(graph, estimator)
    if is_classifier(estimator):
        outputs = write_classifier(graph, estimator, raw_predictions)
    else:
        values = graph(LINKS[estimator.out_activation_], raw_predictions, output="variable")
        outputs = [(values, graph.dtype, [estimator.n_outputs_])]
    model = graph.model([("X", graph.dtype, [estimator.n_features_in_])], outputs)
    if path is not None:
        with open(path, "wb") as file:
            file.write(model.SerializeToString())
    return model


class Graph:
    """An ONNX graph under construction, operator by operator.

    Parameters
    ----------
    dtype : dtype
        The dtype of signals and constants.

    Examples
    --------
    >>> graph = Graph(np.float32)
    >>> doubled = graph("Mul", "X", 2.0)
    >>> model = graph.model([("X", np.float32, [3])], [(doubled, np.float32, [3])])
    >>> model.graph.node[0].op_type
    'Mul'
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self.onnx = import_onnx()
        self.dtype, self.nodes, self.constants = np.dtype(dtype), [], []

    def __call__(
        self,
        operator: str,
        *inputs: str | float | Array,
        output: str | None = None,
        **attributes: Any,
    ) -> str:
        """Add an operator.

        Parameters
        ----------
        operator : str
            ONNX's name of the operator.
        *inputs : str, float or ndarray
            Names of the results of other operators, or constants.
        output : str, default=None
            A name for the result; None generates one.
        **attributes : dict
            ONNX's attributes of the operator.

        Returns
        -------
        str
            The name of the result, to be used as an input of other operators.
        """
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, names, [output], **attributes))
        return output

    def constant(self, value: float | Array) -> str:
        """Add a number in the dtype of the graph, or an array in its own dtype; return its name."""
        name = f"constant_{len(self.constants)}"
        array = value if isinstance(value, np.ndarray) else np.asarray(value, self.dtype)
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def cast(self, x: str | float | Array, dtype: DTypeLike) -> str:
        """Add a conversion to a dtype; return the name of the result."""
        return self("Cast", x, to=self.type_of(np.dtype(dtype)))

    def type_of(self, dtype: DTypeLike) -> int:
        """Return ONNX's code of a dtype."""
        return self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def model(
        self,
        inputs: Iterable[tuple[str, DTypeLike, list[int]]],
        outputs: Iterable[tuple[str, DTypeLike, list[int]]],
    ) -> "onnx.ModelProto":
        """Make a model of the operators that have been added, and check it.

        Parameters
        ----------
        inputs, outputs : lists of (name, dtype, shape)
            The shapes without the axis of samples.

        Returns
        -------
        onnx.ModelProto
        """

        def described(name, dtype, shape):
            shape = ["n_samples", *shape]
            return self.onnx.helper.make_tensor_value_info(name, self.type_of(dtype), shape)

        helper = self.onnx.helper
        graph = helper.make_graph(
            self.nodes,
            "skinit",
            [described(*one) for one in inputs],
            [described(*one) for one in outputs],
            self.constants,
        )
        model = helper.make_model(
            graph,
            producer_name="skinit",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        self.onnx.checker.check_model(model)
        return model


def import_onnx():
    """Import onnx, or raise an error that says how to install it."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "to_onnx needs onnx (the extra skinit[onnx]): pip install onnx"
        ) from error
    return onnx


def write_layers(graph: Graph, estimator: BaseInitMLP) -> str:
    """Add all layers, and return the name of the raw predictions."""
    signal = "X"
    activations = estimator._network.activations
    layers = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    for index, (W, b) in enumerate(layers):
        signal = graph("Gemm", signal, np.ascontiguousarray(W), np.ascontiguousarray(b))
        if index < len(activations):
            write = fast_path(activations[index], BaseActivation, "onnx", "value")
            signal = write(graph, signal)
    return signal


def write_classifier(graph: Graph, estimator: Any, raw_predictions: str) -> list[tuple]:
    """Add labels and probabilities, and return name, dtype and shape of each."""
    classes = estimator.classes_
    link = LINKS[estimator.out_activation_]
    probabilities = ("probabilities", graph.dtype, [len(classes)])
    if estimator._multilabel:
        graph(link, raw_predictions, output="probabilities")
        is_positive = graph("Greater", raw_predictions, 0.0)
        graph("Cast", is_positive, output="label", to=graph.type_of(np.int64))
        return [("label", np.int64, [len(classes)]), probabilities]
    logits = raw_predictions
    if len(classes) == 2:
        # The network has one output, the logit of the second class; that of the first is minus it.
        logits = graph("Concat", graph("Neg", logits), logits, axis=1)
    graph(link, logits, output="probabilities")
    labels = storable(classes)
    graph("Gather", labels, graph("ArgMax", logits, axis=1, keepdims=0), output="label")
    return [("label", labels.dtype, []), probabilities]


def storable(classes: Array) -> Array:
    """Convert labels to a dtype that ONNX has."""
    if classes.dtype.kind in "iu":
        return classes.astype(np.int64)
    if classes.dtype.kind in "bf":
        return classes.astype({"b": bool, "f": np.float64}[classes.dtype.kind])
    if all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    raise TypeError(
        f"the labels {classes[:10].tolist()} are of dtype {classes.dtype}, but ONNX has only "
        "strings, integers, floats and booleans; encode y by sklearn.preprocessing.LabelEncoder "
        "before the fit"
    )
