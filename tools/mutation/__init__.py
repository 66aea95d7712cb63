"""Mutation score of the core: small faults in its code, each of which a test must notice.

    python -m tools.mutation.reach                    which test runs which line: needed first
    python -m tools.mutation                          every mutant, going on where it was interrupted
    python -m tools.mutation MODULE...                those of modules whose path contains one of these words
    python -m tools.mutation --sample 300 --seed 1    a drawn sample, with the interval its score lies in
    python -m tools.mutation --survivors              what survived so far, without running anything
    python -m tools.mutation.page [--check]           the page of survivors and their reasons

What a mutant is, what is left out, and which tests are asked: docs/explanation/mutation.md.
"""
