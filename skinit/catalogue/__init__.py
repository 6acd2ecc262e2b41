"""What is known of each initializer: the table that ``skinit list`` prints.

Read `catalogue` first: `catalogue.catalogue` collects names, formulas, advice, costs and references
from the initializers themselves and makes them searchable. `track_record` reads the results of the
trainability benchmark, ``trainability.csv``, which ``benchmarks/trainability.py --publish`` writes.
A new initializer is listed by itself; a new file of initializers is named in `FAMILIES`.
"""

from skinit.catalogue.catalogue import FAMILIES, Catalogue, Entry, catalogue, did_you_mean

__all__ = ["FAMILIES", "Catalogue", "Entry", "catalogue", "did_you_mean"]
