"""Make or renew ``.venv`` and do nothing else: ``python3 quickstart/set_up.py``."""

import os

import interpreter

interpreter.restart_if_unsupported(os.path.join(os.path.dirname(__file__), "..", ".venv", "bin", "python"))

import environment  # noqa: E402  (its syntax needs a supported Python)

if __name__ == "__main__":
    environment.main()
