"""
What a start does to a deep network
===================================

Before any training, :func:`skinit.diagnose` sends the data through a network and the gradient back.
Twelve ReLU layers on the handwritten digits, from the weights of He and of Glorot.
"""

from sklearn.datasets import load_digits

from skinit import (
    ActivationHistogramDisplay,
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
