"""What initial weights do to signal and gradient before any training; what is wrong, what to do.

Read `diagnose` first: it reads its arguments (`inputs`), measures the network (`measure`, by
`propagation`, `layer_statistics` and `spectra`), judges what it has measured (`weights`, `data`,
`learning_rate`, which make a `Finding` of each fault) and compares other initializers
(`recommendation`). `result` holds and prints the outcome. `grid` diagnoses many settings, and
`recorder` a network in training.
To add a finding, write a function for it in `weights`, `data` or `learning_rate`, with its
threshold above it, and call it from the ``find_..._faults`` there.
"""

from skinit.diagnosis.diagnose import diagnose
from skinit.diagnosis.findings import SEVERITIES, Finding, which_layers
from skinit.diagnosis.grid import DiagnosisGrid, diagnose_grid
from skinit.diagnosis.recorder import DiagnosisRecorder
from skinit.diagnosis.result import Diagnosis

__all__ = [
    "SEVERITIES",
    "Diagnosis",
    "DiagnosisGrid",
    "DiagnosisRecorder",
    "Finding",
    "diagnose",
    "diagnose_grid",
    "which_layers",
]
