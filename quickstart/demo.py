"""Run the main job, after making ``.venv`` if need be: ``python3 quickstart/demo.py``.

Trains the small Seg baseline on synthetic people and tests it. Results lie in ``work_dirs/demo``.
"""

import os
import sys
from pathlib import Path

import interpreter

interpreter.restart_if_unsupported(os.path.join(os.path.dirname(__file__), "..", ".venv", "bin", "python"))

import environment  # noqa: E402  (its syntax needs a supported Python)

CONFIG = Path("configs/seg/seg-small_1xb16-1k_synthetic-128x128.py")
WORK_DIR = Path("work_dirs/demo")


def main() -> None:
    python = environment.main()
    try:
        environment.run(python, "tools/train.py", CONFIG, "--work-dir", WORK_DIR)
        checkpoint = (environment.ROOT / WORK_DIR / "last_checkpoint").read_text().strip()
        environment.run(python, "tools/test.py", CONFIG, checkpoint, "--work-dir", WORK_DIR)
    except environment.SetupFailed as error:
        sys.exit(f"The demonstration failed: {error}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")


if __name__ == "__main__":
    main()
