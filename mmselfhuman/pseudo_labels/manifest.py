"""The file that makes a round exist: its clips, their checksums, and where it comes from."""

import hashlib
import json
from pathlib import Path

from mmselfhuman.pseudo_labels.clip_file import FORMAT_VERSION, damaged, file_digest
from mmselfhuman.pseudo_labels.files import PseudoLabelError, to_json

MANIFEST = "manifest.json"

_SEAL = "sha256"


def clip_entry(path: Path, video: str, header: dict) -> dict:
    """What a manifest says about a clip.

    Args:
        path: The clip file.
        video: Its name.
        header: Its ``clip.json``.
    """
    return {
        "video": video,
        "sha256": file_digest(path),
        "bytes": path.stat().st_size,
        "frames": header["frames"],
        "persons": header["persons"],
    }


def seal(content: dict) -> bytes:
    """A manifest with its own checksum: the SHA-256 of everything else in it, as :func:`to_json` writes that."""
    return to_json({**content, _SEAL: hashlib.sha256(to_json(content)).hexdigest()})


def read_manifest(path: Path) -> dict:
    """Read a manifest and check it.

    Raises:
        PseudoLabelError: It is missing, damaged, or of a format that this version does not know.
    """
    try:
        content = json.loads(path.read_bytes())
        found = content.pop(_SEAL)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise damaged(path, error) from error
    if found != hashlib.sha256(to_json(content)).hexdigest():
        raise PseudoLabelError(f"{path} is damaged: its content does not fit the checksum in it")
    if content["format"] != FORMAT_VERSION:
        raise PseudoLabelError(f"{path} has format {content['format']}, this version reads {FORMAT_VERSION}")
    return content
