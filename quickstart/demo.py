"""Run the main job, after making ``.venv`` if need be: ``python3 quickstart/demo.py``.

Algorithm 1 on synthetic people: three small networks are trained on labelled images of one domain, and teach themselves
on unlabelled videos of another. Results lie in ``work_dirs/demo``; an interrupted run goes on with the same command.
"""

import os
import sys
from pathlib import Path

import interpreter

interpreter.restart_if_unsupported(os.path.join(os.path.dirname(__file__), "..", ".venv", "bin", "python"))

import environment  # noqa: E402  (its syntax needs a supported Python)

CONFIG = Path("configs/self_training/self-train_small_synthetic-128x128.py")
WORK_DIR = Path("work_dirs/demo")


def main() -> None:
    python = environment.main()
    try:
        environment.run(python, "tools/self_train.py", CONFIG, "--work-dir", WORK_DIR)
    except environment.SetupFailed as error:
        sys.exit(f"The demonstration failed: {error}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")


if __name__ == "__main__":
    main()
