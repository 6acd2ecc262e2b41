"""
What initial weights do to a deep network
=========================================

Before any training, :func:`skinit.diagnose` sends the data through a network and the gradient back.
Here it does so for twelve ReLU layers on the handwritten digits, with He's and Glorot's weights.
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
# Glorot's weights were made for activations that are linear around 0. ReLU sets half of a signal to
# 0, so that its mean square halves from layer to layer, and so does that of the gradient on its way
# back. The dashed lines are what mean-field theory expects.

SignalPropagationDisplay(diagnoses).plot()

# %%
# In words, with what to do about it:

print(diagnoses["glorot"])

# %%
# How much the raw predictions change with the inputs:

JacobianSpectrumDisplay(diagnoses).plot()

# %%
# The classic picture of the activations of tanh units with large weights: nearly all are -1 or 1.

model = InitMLPClassifier((64,) * 4, activation="tanh", init="random", random_state=0)
ActivationHistogramDisplay.from_estimator(model, X, y)

# %%
# With Glorot's weights, which were made for tanh:

model.set_params(init="glorot")
ActivationHistogramDisplay.from_estimator(model, X, y)

# %%
# What training does to the weights
# ---------------------------------
# A :class:`skinit.DiagnosisRecorder` diagnoses the weights at chosen iterations of a fit. It is set
# on the network, also where that is the last step of a pipeline. The lines go from dark before
# training to light at the end. In gradient descent on four layers, the signal begins to grow from
# layer to layer, and the gradient falls with the loss.

recorder = DiagnosisRecorder(every=(1, 3, 10, 30, 100, 300))
network = InitMLPClassifier((64,) * 4, learning_rate=0.05, max_iter=300, random_state=0)
network.set_callbacks(recorder).fit(X, y)
SignalPropagationDisplay.from_recorder(recorder)

# %%
# The curvature of the loss rises towards about 2 divided by the learning rate, here 40. Beyond that
# value, steps are too large: it is the edge of stability (Cohen et al., ICLR 2021).


def print_diagnoses(recorder):
    for iteration, diagnosis in recorder.by_iteration().items():
        dead = diagnosis.propagation.dead[:-1].mean()
        print(
            f"iteration {iteration:3}: loss {diagnosis.initial_loss:5.2f}, "
            f"curvature {diagnosis.curvature:5.1f}, {dead:.0%} of the units are dead"
        )


print_diagnoses(recorder)

# %%
# With minibatches and a learning rate that is too large for the first epochs, the loss jumps, and
# units die. Most units of the first layer stay dead.

network.set_params(solver="sgd", learning_rate=0.1, max_iter=30).fit(X, y)
print_diagnoses(recorder)
SignalPropagationDisplay.from_recorder(recorder)
