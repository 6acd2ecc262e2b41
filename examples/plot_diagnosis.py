"""
What a start does to a deep network
===================================

Before any training, :func:`skinit.diagnose` sends the data through a network and the gradient back.
Twelve ReLU layers on the handwritten digits, from the weights of He and of Glorot.
"""

from sklearn.datasets import load_digits

from skinit import (
    ActivationHistogramDisplay,
    DiagnosisRecorder,
    InitMLPClassifier,
    JacobianSpectrumDisplay,
    SignalPropagationDisplay,
    diagnose,
)

X, y = load_digits(return_X_y=True)
X = X / 16
models = {
    init: InitMLPClassifier((64,) * 12, init=init, random_state=0) for init in ("he", "glorot")
}
diagnoses = {init: diagnose(model, X, y) for init, model in models.items()}

# %%
# Glorot's weights were made for activations that are linear around 0. Behind ReLU, which silences
# half of a signal, it halves from layer to layer, and so does the gradient on its way back; the
# dashes are what mean-field theory expects.

SignalPropagationDisplay(diagnoses).plot()

# %%
# In words, with what to do about it:

print(diagnoses["glorot"])

# %%
# How much the scores change with the inputs:

JacobianSpectrumDisplay(diagnoses).plot()

# %%
# The classic picture of what tanh units put out, when weights are large: nearly all are at one end.

model = InitMLPClassifier((64,) * 4, activation="tanh", init="random", random_state=0)
ActivationHistogramDisplay.from_estimator(model, X, y)

# %%
# Glorot's, on what they were made for:

model.set_params(init="glorot")
ActivationHistogramDisplay.from_estimator(model, X, y)

# %%
# What training does to a start
# -----------------------------
# A :class:`skinit.DiagnosisRecorder` takes a diagnosis at chosen iterations of a fit. It is set on
# the network, also where that is the last step of a pipeline. Gradient descent on four layers, the
# start dark and the end light: the signal begins to grow from layer to layer, and the gradient
# falls with the loss.

recorder = DiagnosisRecorder(every=(1, 3, 10, 30, 100, 300))
network = InitMLPClassifier((64,) * 4, learning_rate=0.05, max_iter=300, random_state=0)
network.set_callbacks(recorder).fit(X, y)
SignalPropagationDisplay.from_recorder(recorder)

# %%
# The curvature of the loss rises on the way to about 2 divided by the learning rate, here 40, where
# steps begin to be too long: the edge of stability (Cohen et al., ICLR 2021).


def tell(recorder):
    for iteration, found in recorder.by_iteration().items():
        dead = found.propagation.dead[:-1].mean()
        print(
            f"iteration {iteration:3}: loss {found.initial_loss:5.2f}, "
            f"curvature {found.curvature:5.1f}, {dead:.0%} of the units are dead"
        )


tell(recorder)

# %%
# Minibatches with a learning rate that is too large for the first epochs: the loss jumps, and units
# are pushed to where no sample reaches them. Most of the first layer's do not come back.

network.set_params(solver="sgd", learning_rate=0.1, max_iter=30).fit(X, y)
tell(recorder)
SignalPropagationDisplay.from_recorder(recorder)
