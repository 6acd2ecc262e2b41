"""ONNX: a fitted model as a graph of operators that runs without Python.

An activation says itself of which operators it is made, see `BaseActivation.onnx`; the layers, and
what makes labels and probabilities of scores, are here.
"""

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skinit.activations import BaseActivation
from skinit.engine import fast_path
from skinit.estimators import BaseInitMLP

__all__ = ["Graph", "to_onnx"]

# Of 2020, so that older runtimes take the file; nothing newer is needed.
OPSET, IR_VERSION = 13, 7

# The operators behind the scores, by scikit-learn's names of output activations.
LINKS = {"identity": "Identity", "logistic": "Sigmoid", "softmax": "Softmax", "exp": "Exp"}


def to_onnx(estimator, path=None):
    """Write a fitted model as an ONNX graph (extra ``onnx``).

    Parameters
    ----------
    estimator : InitMLPClassifier or InitMLPRegressor
        Fitted; of scikit-learn's MLP, ``from_sklearn(mlp)``.
    path : str or path, default=None
        A file to write, besides.

    Returns
    -------
    onnx.ModelProto
        With one input, "X" of shape (n_samples, n_features), in float32 or float64 as the weights.
        The outputs of a classifier are "label" and "probabilities", what ``predict`` and
        ``predict_proba`` return; that of a regressor is "variable", always of shape (n_samples,
        n_outputs).

    Raises
    ------
    ImportError
        If onnx is not installed.
    TypeError
        If `estimator` is something else, or its labels are neither numbers nor all strings.
    ValueError
        If an activation is a user's own, and does not say how it is written.
    NotFittedError
        If it is not fitted.

    Notes
    -----
    All operators are of opset 13, and onnxruntime has them in both precisions, but for the erf of
    "gelu": that one is computed in float32.

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
            f"{type(estimator).__name__}; of a pipeline give the last step, pipeline[-1], whose "
            "graph begins behind the other steps; from_sklearn turns scikit-learn's MLP into one"
        )
    check_is_fitted(estimator, "coefs_")
    graph = Graph(estimator.coefs_[0].dtype)
    scores = write_layers(graph, estimator)
    if is_classifier(estimator):
        outputs = write_classifier(graph, estimator, scores)
    else:
        values = graph(LINKS[estimator.out_activation_], scores, output="variable")
        outputs = [(values, graph.dtype, [estimator.n_outputs_])]
    model = graph.model([("X", graph.dtype, [estimator.n_features_in_])], outputs)
    if path is not None:
        with open(path, "wb") as file:
            file.write(model.SerializeToString())
    return model


class Graph:
    """A graph that is being written, operator by operator.

    Parameters
    ----------
    dtype : dtype
        Of signals and constants.

    Examples
    --------
    >>> graph = Graph(np.float32)
    >>> doubled = graph("Mul", "X", 2.0)
    >>> model = graph.model([("X", np.float32, [3])], [(doubled, np.float32, [3])])
    >>> model.graph.node[0].op_type
    'Mul'
    """

    def __init__(self, dtype):
        self.onnx = import_onnx()
        self.dtype, self.nodes, self.constants = np.dtype(dtype), [], []

    def __call__(self, operator, *inputs, output=None, **attributes):
        """Add an operator.

        Parameters
        ----------
        operator : str
            ONNX's name of it.
        *inputs : str, float or ndarray
            What other operators have returned; or constants.
        output : str, default=None
            A name for the result; None makes one up.
        **attributes : dict

        Returns
        -------
        str
            The name of the result, to be handed to other operators.
        """
        inputs = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, value):
        """Add a number, in the dtype of the graph, or an array in its own; return its name."""
        name = f"constant_{len(self.constants)}"
        array = value if isinstance(value, np.ndarray) else np.asarray(value, self.dtype)
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def cast(self, x, dtype):
        """Add a conversion to a dtype."""
        return self("Cast", x, to=self.type_of(np.dtype(dtype)))

    def type_of(self, dtype):
        """Return ONNX's number of a dtype."""
        return self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def model(self, inputs, outputs):
        """Make a model of all that has been added.

        Parameters
        ----------
        inputs, outputs : lists of (name, dtype, shape)
            The shapes without the samples.
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
    """Import onnx, or say how to get it."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "to_onnx needs onnx (the extra skinit[onnx]): pip install onnx"
        ) from error
    return onnx


def write_layers(graph, estimator):
    """Add all layers, and return the name of the scores."""
    signal = "X"
    activations = estimator._network.activations
    layers = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    for index, (W, b) in enumerate(layers):
        signal = graph("Gemm", signal, np.ascontiguousarray(W), np.ascontiguousarray(b))
        if index < len(activations):
            write = fast_path(activations[index], BaseActivation, "onnx", "value")
            signal = write(graph, signal)
    return signal


def write_classifier(graph, estimator, scores):
    """Add labels and probabilities, and return how they are called, of what dtype and shape."""
    classes = estimator.classes_
    link = LINKS[estimator.out_activation_]
    probabilities = ("probabilities", graph.dtype, [len(classes)])
    if estimator._multilabel:
        graph(link, scores, output="probabilities")
        graph("Cast", graph("Greater", scores, 0.0), output="label", to=graph.type_of(np.int64))
        return [("label", np.int64, [len(classes)]), probabilities]
    if len(classes) == 2:  # two classes have mirrored logits
        scores = graph("Concat", graph("Neg", scores), scores, axis=1)
    graph(link, scores, output="probabilities")
    labels = storable(classes)
    graph("Gather", labels, graph("ArgMax", scores, axis=1, keepdims=0), output="label")
    return [("label", labels.dtype, []), probabilities]


def storable(classes):
    """Return labels in one of the dtypes in which ONNX has them."""
    if classes.dtype.kind in "iu":
        return classes.astype(np.int64)
    if classes.dtype.kind in "bf":
        return classes.astype({"b": bool, "f": np.float64}[classes.dtype.kind])
    if all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    raise TypeError(
        f"the labels {classes[:10].tolist()} are of dtype {classes.dtype}, and ONNX has strings, "
        "whole numbers, floats and booleans; fit to codes, by sklearn.preprocessing.LabelEncoder"
    )
