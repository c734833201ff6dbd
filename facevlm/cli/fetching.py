"""Bring what weights are missing before any work starts, and say so."""

import sys

FETCHING = "fetching the weights, once (one download of 36 MB) ..."


def bring_weights(*, quiet: bool) -> None:
    """Fetch what is missing now, so that no worker process has to and the wait is explained."""
    from facevlm.faces import weights

    missing = [name for name in weights.WEIGHTS if not weights.is_present(name)]
    if missing:
        if not quiet:
            print(FETCHING, file=sys.stderr)
        weights.fetch(missing)
