"""What is known of each initializer: the table that `skinit list` prints.

`catalogue` collects names, formulas, references and costs from the initializers themselves;
`track_record` reads how often each was able to train the networks of a benchmark, which
`trainability.csv` holds. A new initializer shows up by itself.
"""

from skinit.catalogue.catalogue import FAMILIES, Catalogue, Entry, catalogue, did_you_mean

__all__ = ["FAMILIES", "Catalogue", "Entry", "catalogue", "did_you_mean"]
