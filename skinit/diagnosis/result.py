"""What a diagnosis has found: the numbers, and how they are printed."""

from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np

from skinit._support import WIDTH, data_frame, format_loss, text_table
from skinit.diagnosis.findings import SEVERITIES, Finding
from skinit.diagnosis.learning_rate import has_stable_rate, largest_stable_rate
from skinit.diagnosis.measure import Measurements
from skinit.diagnosis.propagation import SignalPropagation
from skinit.diagnosis.recommendation import Recommendation
from skinit.initializers import INITIALIZERS
from skinit.losses import BinaryCrossEntropy, MultinomialCrossEntropy
from skinit.solvers import GradientDescent

__all__ = ["Diagnosis"]


@dataclass(frozen=True, repr=False, kw_only=True)
class Diagnosis(Measurements):
    """Outcome of `diagnose`: numbers, findings and a recommendation.

    ``print`` shows the most important of them.

    Parameters
    ----------
    propagation : SignalPropagation
        Layer by layer: the signal, the gradient, dead and identical units, similarity of samples.
    singular_values : ndarray of shape (n_few_samples, n_values)
        Of the derivatives of the raw predictions with respect to the inputs, see
        `skinit.diagnosis.spectra.jacobian_singular_values`.
    feature_mean, feature_std : ndarray of shape (n_features,)
        Of the inputs.
    initial_loss : float
        Mean loss, without the penalty, with the weights that were measured; nan without y.
    zero_loss : float
        Mean loss of raw predictions that are all 0: for K classes, log K.
    baseline_loss : float
        The smallest mean loss that is possible without looking at X: for K classes that are equally
        frequent, log K, and less otherwise. This and `zero_loss` are of all samples.
    curvature : float
        The largest eigenvalue of the Hessian of the loss; nan without y.
    solver : BaseSolver
        The solver of the estimator, which the findings take into account.
    learning_rate : float
        Of the next step.
    n_iter : int
        How many iterations the weights have been trained; 0 for initial weights.
    init : str
        How the network was initialized.
    findings : tuple of Finding
        What is wrong, the worst first.
    recommendation : Recommendation or None
        Which init to use; None where no candidates were compared.
    n_samples : int
        How many samples were measured.
    caveats : tuple of str
        What the diagnosis rests on, where a user may expect something else.
    """

    init: str
    findings: tuple[Finding, ...]
    recommendation: Recommendation | None
    n_samples: int
    caveats: tuple[str, ...]

    @property
    def severity(self) -> str:
        """Severity of the worst finding; "ok" where there are only notes or none."""
        worst = max((SEVERITIES.index(each.severity) for each in self.findings), default=0)
        return SEVERITIES[worst] if worst else "ok"

    @property
    def stable_rate(self) -> float:
        """The largest learning rate at which gradient descent is stable: 2 / `curvature`."""
        return 2 / self.curvature if self.curvature > 0 else np.nan

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the numbers of the layers as columns, one entry for each layer."""
        return self.propagation.to_dict()

    def to_frame(self) -> Any:
        """Return them as a pandas DataFrame, one row for each layer (extra ``pandas``).

        The printed columns are these: signal and expected are the square roots of
        ``pre_activation_mean**2 + pre_activation_variance`` and of ``expected_square``; gradient,
        rank and cosine are ``signal_gradient``, ``effective_rank`` and ``correlation``.
        """
        return data_frame(self.to_dict())

    def __repr__(self) -> str:
        verdict = f"worst finding: {self.severity}"
        if self.severity == "ok":
            verdict = "nothing worse than notes" if self.findings else "no fault found"
        network = self.propagation.network
        what = f"a {'-'.join(map(str, network.widths))} network"
        if len(what) > 40:
            what = f"a network of {network.n_layers} layers"
        after = f" after {self.n_iter} iteration{'s' * (self.n_iter > 1)}" if self.n_iter else ""
        return f"<Diagnosis of {self.init}{after} in {what}: {verdict}>"

    def __str__(self) -> str:
        parts = [
            wrap(repr(self)[1:-1]),
            layer_table(self.propagation),
            "\n".join(self.remarks()),
        ]
        parts += [wrap(f"{each}.", indent="  ") for each in self.findings]
        if self.recommendation is not None:
            parts.append(wrap(f"recommended: {self.recommended()}."))
        return "\n\n".join(parts)

    def recommended(self) -> str:
        """Say what to do first."""
        of_data = {"inputs", "targets"}
        if any(each.subject in of_data and each.severity != "note" for each in self.findings):
            return "fix the data first, and diagnose again; another init does not replace that"
        found = self.recommendation
        what = f"init={found.init!r}" if found.init in INITIALIZERS else "the present init"
        return f"{'keep' if found.keeps else 'use'} {what}: {found.why}"

    def remarks(self) -> list[str]:
        """List the numbers that belong to the whole network."""
        lines = []
        if np.isfinite(self.baseline_loss):
            lines += [*self.remarks_on_loss(), self.remark_on_rate()]
        values = self.singular_values
        lines.append(
            f"singular values of the Jacobian: mean {format_loss(values.mean(), 3)}, from "
            f"{format_loss(values.min(), 3)} to {format_loss(values.max(), 3)}"
        )
        samples = f"measured on {self.n_samples} sample{'s' * (self.n_samples != 1)}"
        return [*lines, samples, *self.caveats]

    def remarks_on_loss(self) -> list[str]:
        """Put the loss beside that of raw predictions of 0 and that of the baseline."""
        losses = self.initial_loss, self.zero_loss, self.baseline_loss
        loss, zeros, baseline = (format_loss(loss, 4) for loss in losses)
        classifies = (BinaryCrossEntropy, MultinomialCrossEntropy)
        is_classifier = isinstance(self.propagation.network.loss, classifies)
        of_what = "class frequencies" if is_classifier else "best constant prediction"
        name = "loss" if self.n_iter else "initial loss"
        return [
            f"{name} {loss}; with raw predictions of 0 it is {zeros}",
            f"loss of the baseline ({of_what}) {baseline}",
        ]

    def remark_on_rate(self) -> str:
        """Put the learning rate beside the largest stable one."""
        rate, stable = f"learning_rate is {self.learning_rate:g}", f"{self.stable_rate:.2g}"
        if isinstance(self.solver, GradientDescent) and has_stable_rate(self.solver):
            return f"{rate}; the largest stable one is {stable}"
        if has_stable_rate(self.solver):
            largest = largest_stable_rate(self.solver, self.curvature)
            return f"{rate}; the largest stable one is {largest:.2g} with this momentum"
        name = type(self.solver).__name__
        if self.solver.takes_steps:
            return f"{rate}, for {name}; gradient descent would be stable up to {stable}"
        return f"{name} has no learning rate; gradient descent would be stable up to {stable}"


def wrap(text: str, indent: str = "") -> str:
    """Break text into lines that fit on any terminal."""
    return fill(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


# Of a deeper network, so many layers are shown at each end.
SHOWN = 8


def layer_table(propagation: SignalPropagation) -> str:
    """Lay out the most telling numbers of each layer."""
    has_twins = (propagation.distinct < propagation.units).any()
    columns = {
        "units": (propagation.units, "d"),
        "distinct": (propagation.distinct if has_twins else np.array([np.nan]), "d"),
        "signal": (np.sqrt(propagation.pre_activation_square), ".2g"),
        "expected": (np.sqrt(propagation.expected_square), ".2g"),
        "gradient": (propagation.signal_gradient, ".2g"),
        "dead": (propagation.dead, ".0%"),
        "saturated": (propagation.saturated, ".0%"),
        "rank": (propagation.effective_rank, ".1f"),
        "cosine": (propagation.correlation, ".3f"),
    }
    columns = {
        name: (values, style)
        for name, (values, style) in columns.items()
        if not np.isnan(values.astype(float)).all()
    }
    numbers: list[int | None] = list(range(propagation.network.n_layers))
    if len(numbers) > 2 * SHOWN + 2:
        numbers = [*numbers[:SHOWN], None, *numbers[-SHOWN:]]
    rows = [
        ["..."] * (1 + len(columns))
        if number is None
        else [str(number + 1)]
        + [
            "-" if np.isnan(values[number]) else format(values[number], style)
            for values, style in columns.values()
        ]
        for number in numbers
    ]
    return text_table(["layer", *columns], rows)
