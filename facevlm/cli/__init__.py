"""The command line: arguments in, work done clip by clip, results and errors told."""

from facevlm.cli.program import main

__all__ = ["main"]
