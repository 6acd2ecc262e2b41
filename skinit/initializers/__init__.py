"""Every start that has a name, and the classes behind the names."""

from skinit.initializers.base import INITIALIZERS, Initializer, Layer, resolve_init
from skinit.initializers.building import build_parameters, initialize_parameters
from skinit.initializers.composite import PerLayer, Scaled, WithBias
from skinit.initializers.constant import Constant, Given, Identity, Ones, Zeros
from skinit.initializers.variance_scaling import (
    Glorot,
    He,
    LeCun,
    Normal,
    ScikitLearn,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)

__all__ = [
    "INITIALIZERS",
    "Constant",
    "Given",
    "Glorot",
    "He",
    "Identity",
    "Initializer",
    "Layer",
    "LeCun",
    "Normal",
    "Ones",
    "PerLayer",
    "Scaled",
    "ScikitLearn",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "WithBias",
    "Zeros",
    "build_parameters",
    "initialize_parameters",
    "resolve_init",
]

# The name of tutorials first, then those of the papers and of other libraries. A bare "he",
# "glorot" or "lecun" is the normal one: with one seed these differ in scale alone.
INITIALIZERS.update(
    {
        "zeros": Zeros(),
        "ones": Ones(),
        "constant": Constant(),
        "identity": Identity(),
        "eye": Identity(),
        "random": Normal(std=10),
        "normal": Normal(),
        "random_normal": Normal(),
        "uniform": Uniform(),
        "random_uniform": Uniform(),
        "truncated_normal": TruncatedNormal(),
        "trunc_normal": TruncatedNormal(),
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
        "lecun": LeCun(),
        "lecun_normal": LeCun(),
        "lecun_uniform": LeCun(distribution="uniform"),
        "variance_scaling": VarianceScaling(),
        "scikit_learn": ScikitLearn(),
        "sklearn": ScikitLearn(),
    }
)
