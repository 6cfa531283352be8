"""`make bench`: every figure beside its own floor, from the same run."""
