"""The largest learning rate at which a solver is stable, and a finding where it is exceeded."""

import numpy as np

from skinit.diagnosis.findings import Finding, format_number, severity_by
from skinit.solvers import SGD, BaseSolver, GradientDescent

__all__ = ["find_learning_rate_faults", "has_stable_rate", "largest_stable_rate"]


def largest_stable_rate(solver: BaseSolver, curvature: float) -> float:
    r"""Return the largest learning rate at which a solver descends a parabola of some curvature.

    .. math:: \frac{2}{\lambda}, \qquad \frac{2 (1 + \beta)}{\lambda}, \qquad
        \frac{2 (1 + \beta)}{\lambda (1 + 2 \beta)}

    for gradient descent, with a momentum of beta, and with Nesterov's momentum; nan for solvers
    that choose their step lengths themselves.

    Examples
    --------
    >>> from skinit.solvers import SGD, GradientDescent
    >>> largest_stable_rate(GradientDescent(), curvature=4.0)
    0.5
    >>> largest_stable_rate(SGD(momentum=0.5, nesterov=False), curvature=4.0)
    0.75
    """
    if not curvature > 0 or not has_stable_rate(solver):
        return np.nan
    if isinstance(solver, GradientDescent):
        return 2 / curvature
    limit = 2 * (1 + solver.momentum) / curvature
    return limit / (1 + 2 * solver.momentum) if solver.nesterov else limit


def has_stable_rate(solver: BaseSolver) -> bool:
    """Return whether the largest stable rate of a solver is known; clipped steps have no limit."""
    return isinstance(solver, (GradientDescent, SGD)) and solver.clip_norm is None


# Above the stable rate the loss rises at first; in wide networks it then often reaches a flatter
# region, up to twice that rate and with ReLU further. At a hundred times the stable rate hardly
# any network trains.
TIMES_STABLE = (1.0, 2.0, 100.0)


def find_learning_rate_faults(
    learning_rate: float,
    stable_rate: float,
    weights_are_fine: bool = True,
    alternative: tuple[str, float] | None = None,
) -> tuple[Finding, ...]:
    """Find a learning rate that is too large for the weights.

    Parameters
    ----------
    learning_rate : float
        Of the first step.
    stable_rate : float
        See `largest_stable_rate`; nan where there is none.
    weights_are_fine : bool, default=True
        Whether nothing else is wrong with the weights. Otherwise the advice is to change them, and
        not the learning rate.
    alternative : (str, float) or None
        An init that may do better, and its largest stable rate.

    Returns
    -------
    tuple of Finding
        One or none.

    References
    ----------
    A. Lewkowycz, Y. Bahri, E. Dyer, J. Sohl-Dickstein and G. Gur-Ari, "The large learning rate
    phase of deep learning: the catapult mechanism", arXiv:2003.02218, 2020.

    Examples
    --------
    >>> [finding] = find_learning_rate_faults(learning_rate=0.3, stable_rate=0.1)
    >>> finding.message
    'learning_rate=0.3 is above 0.1, the largest that is stable with these weights'
    """
    severity = severity_by(learning_rate / stable_rate, TIMES_STABLE)
    if severity is None or learning_rate == stable_rate:
        return ()
    advice = f"begin with learning_rate={format_number(0.5 * stable_rate)} or a warm-up"
    if alternative and alternative[1] > stable_rate:
        init, rate = alternative
        advice = f"use init={init!r}, with which about {rate:.1g} is stable, or {advice}"
    return (
        Finding(
            severity,
            "learning rate",
            f"learning_rate={format_number(learning_rate)} is above {format_number(stable_rate)}, "
            "the largest that is stable with these weights",
            "the loss rises until it reaches a flatter region, or diverges",
            advice
            if weights_are_fine
            else "change the initialization first: a better one allows a larger learning rate",
            {"learning_rate": learning_rate, "stable_rate": stable_rate},
        ),
    )
