"""What a diagnosis has found: the numbers, and how they are put into words."""

from dataclasses import dataclass
from textwrap import fill

import numpy as np

from skinit._support import WIDTH, data_frame, format_loss, text_table
from skinit.diagnosis.findings import SEVERITIES
from skinit.diagnosis.propagation import SignalPropagation
from skinit.diagnosis.recommendation import Recommendation
from skinit.initializers import INITIALIZERS
from skinit.solvers import SGD, BaseSolver, GradientDescent

__all__ = ["Diagnosis", "has_stable_rate", "stable_rate_of"]


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """Outcome of `diagnose`: numbers, and what they mean in words.

    ``print`` shows the most important of them.

    Parameters
    ----------
    init : str
        What the network was started with.
    propagation : SignalPropagation
        Layer by layer: the signal, the gradient, what units do, how samples are told apart.
    singular_values : ndarray of shape (n_some_samples, n_values)
        Of the derivatives of the scores by the inputs, see
        `skinit.diagnosis.spectra.jacobian_singular_values`.
    feature_mean, feature_std : ndarray of shape (n_features,)
        Of the inputs.
    initial_loss : float
        Mean loss, without the penalty; nan without y.
    zero_loss : float
        Mean loss of scores that are all 0: for K classes, log K.
    baseline_loss : float
        The smallest mean loss that is possible without looking at X: for K classes that are equally
        frequent, log K, and less otherwise. Both are those of all samples.
    curvature : float
        The largest eigenvalue of the Hessian of the loss; nan without y.
    solver : BaseSolver
        What the network is trained by, for which it is judged.
    learning_rate : float
        Of the first step.
    findings : tuple of Finding
        What is wrong, the worst first.
    recommendation : Recommendation or None
        Which start to use; None where no candidates were asked for.
    n_samples : int
        How many samples were looked at.
    premises : tuple of str
        What all this rests on, where that is not what one might think.
    n_iter : int
        How many iterations the weights have been trained; 0 for a start.
    """

    init: str
    propagation: SignalPropagation
    singular_values: np.ndarray
    feature_mean: np.ndarray
    feature_std: np.ndarray
    initial_loss: float
    zero_loss: float
    baseline_loss: float
    curvature: float
    solver: BaseSolver
    learning_rate: float
    findings: tuple
    recommendation: Recommendation | None
    n_samples: int
    premises: tuple
    n_iter: int

    @property
    def severity(self):
        """Of the worst finding; "ok" where there is none that is more than a note."""
        worst = max((SEVERITIES.index(each.severity) for each in self.findings), default=0)
        return SEVERITIES[worst] if worst else "ok"

    @property
    def stable_rate(self):
        """The largest learning rate at which gradient descent is stable: 2 / `curvature`."""
        return 2 / self.curvature if self.curvature > 0 else np.nan

    def to_dict(self):
        """Return the figures of the layers as columns, one entry for each layer."""
        return self.propagation.to_dict()

    def to_frame(self):
        """Return them as a pandas DataFrame, one row for each layer (extra ``pandas``).

        What is printed as signal and as expected are the roots of ``pre_activation_mean**2 +
        pre_activation_variance`` and of ``expected_square``; gradient, rank and cosine are
        ``signal_gradient``, ``effective_rank`` and ``correlation``.
        """
        return data_frame(self.to_dict())

    def __repr__(self):
        verdict = f"worst finding: {self.severity}"
        if self.severity == "ok":
            verdict = "nothing worse than notes" if self.findings else "no fault found"
        network = self.propagation.network
        what = f"a {'-'.join(map(str, network.widths))} network"
        if len(what) > 40:
            what = f"a network of {network.n_layers} layers"
        after = f" after {self.n_iter} iteration{'s' * (self.n_iter > 1)}" if self.n_iter else ""
        return f"<Diagnosis of {self.init}{after} in {what}: {verdict}>"

    def __str__(self):
        parts = [
            fill(repr(self)[1:-1], WIDTH),
            layer_table(self.propagation),
            "\n".join(self.remarks()),
        ]
        parts += [fill(f"{each}.", WIDTH, subsequent_indent="  ") for each in self.findings]
        if self.recommendation is not None:
            parts.append(fill(f"recommended: {self.recommended()}.", WIDTH))
        return "\n\n".join(parts)

    def recommended(self):
        """Say what to do first."""
        of_data = {"inputs", "targets"}
        if any(each.subject in of_data and each.severity != "note" for each in self.findings):
            return "see to the data first, and diagnose again; a start does not mend them"
        found = self.recommendation
        what = f"init={found.init!r}" if found.init in INITIALIZERS else "the present init"
        return f"{'keep' if found.keeps else 'use'} {what}: {found.why}"

    def remarks(self):
        """List the figures that belong to the whole network."""
        lines = []
        if np.isfinite(self.baseline_loss):
            losses = self.initial_loss, self.zero_loss, self.baseline_loss
            start, zeros, guess = (format_loss(loss, 4) for loss in losses)
            lines.append(f"loss {start}, of scores of 0 {zeros}, of guessing {guess}")
            lines.append(self.remark_on_rate())
        values = self.singular_values
        lines.append(
            f"singular values of the Jacobian: mean {format_loss(values.mean(), 3)}, from "
            f"{format_loss(values.min(), 3)} to {format_loss(values.max(), 3)}"
        )
        samples = f"{self.n_samples} sample{'s' * (self.n_samples != 1)}"
        return [*lines, samples, *self.premises]

    def remark_on_rate(self):
        """Put the learning rate beside the largest stable one."""
        rate, stable = f"learning_rate is {self.learning_rate:g}", f"{self.stable_rate:.2g}"
        if isinstance(self.solver, GradientDescent) and has_stable_rate(self.solver):
            return f"{rate}; the largest stable one is {stable}"
        if has_stable_rate(self.solver):
            largest = stable_rate_of(self.solver, self.curvature)
            return f"{rate}; the largest stable one is {largest:.2g} with this momentum"
        name = type(self.solver).__name__
        own = f"{rate}, for {name}" if self.solver.takes_steps else f"{name} takes steps of its own"
        return f"{own}; gradient descent would be stable up to {stable}"


# Of a deeper network, so many layers are shown at each end.
SHOWN = 8


def layer_table(propagation):
    """Lay out the most telling figures of each layer."""
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
    numbers = list(range(propagation.network.n_layers))
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


def stable_rate_of(solver, curvature):
    r"""Return the largest rate at which a solver goes down a parabola of some curvature.

    .. math:: \frac{2}{\lambda}, \qquad \frac{2 (1 + \beta)}{\lambda}, \qquad
        \frac{2 (1 + \beta)}{\lambda (1 + 2 \beta)}

    for gradient descent, with a momentum of beta, and with Nesterov's; nan for the solvers that
    choose their steps by themselves.
    """
    if not curvature > 0 or not has_stable_rate(solver):
        return np.nan
    if isinstance(solver, GradientDescent):
        return 2 / curvature
    limit = 2 * (1 + solver.momentum) / curvature
    return limit / (1 + 2 * solver.momentum) if solver.nesterov else limit


def has_stable_rate(solver):
    """Tell whether a solver has a largest stable rate that is known; clipped steps need none."""
    return isinstance(solver, (GradientDescent, SGD)) and solver.clip_norm is None
