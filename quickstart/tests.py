"""Run the tests, after making ``.venv`` if need be: ``python3 quickstart/tests.py [pytest arguments]``."""

import os
import sys

import interpreter

interpreter.restart_if_unsupported(os.path.join(os.path.dirname(__file__), "..", ".venv", "bin", "python"))

import environment  # noqa: E402  (its syntax needs a supported Python)

if __name__ == "__main__":
    python = str(environment.main())
    os.chdir(environment.ROOT)
    os.execv(python, [python, "-m", "pytest", *sys.argv[1:]])
