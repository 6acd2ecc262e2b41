"""Initializers: how the weights and biases of a network are drawn before training.

Read `base`, the class, with `layer`, what an initializer knows about a layer; then `drawing` and
`building`, which call it for every layer, and `variance_scaling` for typical initializers. The
families are `constant`, `variance_scaling`, `structured`, `mean_field`, `mirrored`, `composite`,
`data_dependent` and `placement`, and `auto` with its `linear_regime`, `signal` and
`auto_description`.

To add an initializer, write a class in the file of its family and add its names to `INITIALIZERS`
below; to add a family, also name the file in `FAMILIES` of `skinit.catalogue`.
"""

from skinit.initializers.auto import Auto
from skinit.initializers.base import INITIALIZERS, Initializer, InitLike, LayerInit, resolve_init
from skinit.initializers.building import (
    build_parameters,
    initialize_parameters,
    initializer_expression,
)
from skinit.initializers.composite import PerLayer, Scaled, WithBias
from skinit.initializers.constant import Constant, Given, Identity, Ones, Zeros
from skinit.initializers.data_dependent import LSUV, BaseRate, Kraehenbuehl, UnitVariance
from skinit.initializers.layer import Layer
from skinit.initializers.mean_field import ActivationGain, EdgeOfChaos, Kumar, MuP
from skinit.initializers.mirrored import Mirrored
from skinit.initializers.placement import SWIM, HullBias, NguyenWidrow
from skinit.initializers.structured import (
    NoisyIdentity,
    Orthogonal,
    Sinusoidal,
    Sparse,
    ZerO,
)
from skinit.initializers.variance_scaling import (
    Glorot,
    He,
    LeCun,
    Normal,
    PyTorch,
    RandomWalk,
    ScikitLearn,
    Siren,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)

__all__ = [
    "INITIALIZERS",
    "LSUV",
    "SWIM",
    "ActivationGain",
    "Auto",
    "BaseRate",
    "Constant",
    "EdgeOfChaos",
    "Given",
    "Glorot",
    "He",
    "HullBias",
    "Identity",
    "InitLike",
    "Initializer",
    "Kraehenbuehl",
    "Kumar",
    "Layer",
    "LayerInit",
    "LeCun",
    "Mirrored",
    "MuP",
    "NguyenWidrow",
    "NoisyIdentity",
    "Normal",
    "Ones",
    "Orthogonal",
    "PerLayer",
    "PyTorch",
    "RandomWalk",
    "Scaled",
    "ScikitLearn",
    "Sinusoidal",
    "Siren",
    "Sparse",
    "TruncatedNormal",
    "Uniform",
    "UnitVariance",
    "VarianceScaling",
    "WithBias",
    "ZerO",
    "Zeros",
    "build_parameters",
    "initialize_parameters",
    "initializer_expression",
    "resolve_init",
]

# In the order of `skinit list`: file by file, the most common initializers first. Of several names,
# that of the tutorials comes first, then those of papers and of other libraries. "he", "glorot" and
# "lecun" are the normal distributions; with one seed these differ only in scale.
INITIALIZERS.update(
    {
        "auto": Auto(),
        "he": He(),
        "he_normal": He(),
        "kaiming": He(),
        "kaiming_normal": He(),
        "he_uniform": He(distribution="uniform"),
        "kaiming_uniform": He(distribution="uniform"),
        "glorot": Glorot(),
        "glorot_normal": Glorot(),
        "xavier": Glorot(),
        "xavier_normal": Glorot(),
        "glorot_uniform": Glorot(distribution="uniform"),
        "xavier_uniform": Glorot(distribution="uniform"),
        "keras": Glorot(distribution="uniform"),
        "lecun": LeCun(),
        "lecun_normal": LeCun(),
        "lecun_uniform": LeCun(distribution="uniform"),
        "variance_scaling": VarianceScaling(),
        "random_walk": RandomWalk(),
        "siren": Siren(),
        "scikit_learn": ScikitLearn(),
        "sklearn": ScikitLearn(),
        "pytorch": PyTorch(),
        "torch": PyTorch(),
        "random": Normal(std=10),
        "normal": Normal(),
        "random_normal": Normal(),
        "narrow_normal": Normal(std=0.01),
        "uniform": Uniform(),
        "random_uniform": Uniform(),
        "truncated_normal": TruncatedNormal(),
        "trunc_normal": TruncatedNormal(),
        "activation_gain": ActivationGain(),
        "edge_of_chaos": EdgeOfChaos(),
        "kumar": Kumar(),
        "mup": MuP(),
        "orthogonal": Orthogonal(),
        "mirrored": Mirrored(),
        "looks_linear": Mirrored(),
        "noisy_identity": NoisyIdentity(),
        "hadamard": ZerO(),
        "sinusoidal": Sinusoidal(),
        "sparse": Sparse(),
        "lsuv": LSUV(),
        "unit_variance": UnitVariance(),
        "kraehenbuehl": Kraehenbuehl(),
        "krahenbuhl": Kraehenbuehl(),
        "base_rate": BaseRate(),
        "class_prior": BaseRate(),
        "swim": SWIM(),
        "hull": HullBias(),
        "nguyen_widrow": NguyenWidrow(),
        "zeros": Zeros(),
        "ones": Ones(),
        "constant": Constant(),
        "identity": Identity(),
        "eye": Identity(),
        "padded_identity": Identity(padding="periodic"),
    }
)
