"""What initial weights do to signal and gradient, before any training; what is wrong, what to do.

Read `diagnose` first, the one public call, and `result`, what it returns. In between,
`propagation` and `spectra` measure, `findings` and `data` judge the measurements, and
`recommendation` compares other initializers. `grid` diagnoses over depths and widths, `recorder`
during training. A finding is added in `findings`, beside its threshold.
"""

from skinit.diagnosis.diagnose import diagnose
from skinit.diagnosis.findings import Finding, which_layers
from skinit.diagnosis.grid import DiagnosisGrid, diagnose_grid
from skinit.diagnosis.recorder import DiagnosisRecorder
from skinit.diagnosis.result import Diagnosis

__all__ = [
    "Diagnosis",
    "DiagnosisGrid",
    "DiagnosisRecorder",
    "Finding",
    "diagnose",
    "diagnose_grid",
    "which_layers",
]
