"""The file that makes a round exist: its clips, their checksums, and where it comes from."""

import hashlib
import json
from pathlib import Path

from mmselfhuman.pseudo_labels.clip_file import FORMAT_VERSION, damaged, file_digest
from mmselfhuman.pseudo_labels.files import PseudoLabelError, check_video_name, to_json
from mmselfhuman.pseudo_labels.records import check_frames, is_count

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
        expected = hashlib.sha256(to_json(content)).hexdigest()
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise damaged(path, error) from error
    if found != expected:
        raise PseudoLabelError(f"{path} is damaged: its content does not fit the checksum in it")
    if content.get("format") != FORMAT_VERSION:
        raise PseudoLabelError(f"{path} has format {content.get('format')}, this version reads {FORMAT_VERSION}")
    try:
        _check(content)
    except (KeyError, TypeError, ValueError) as error:
        raise PseudoLabelError(f"{path} is damaged: it is not as expected ({error!r})") from error
    return content


def _check(content: dict) -> None:
    """Whether a manifest whose checksum is right has what it must have; anybody can make a checksum."""
    number, clips = content["round"], content["clips"]
    if not is_count(number) or not isinstance(content["provenance"], dict) or not isinstance(content["summary"], dict):
        raise ValueError("round, provenance or summary")
    if not isinstance(clips, list) or not clips:
        raise ValueError("clips")
    for clip in clips:
        check_video_name(clip["video"])
        if not isinstance(clip["sha256"], str) or not is_count(clip["bytes"]):
            raise ValueError(f"checksum or size of {clip['video']}")
        check_frames(clip["frames"], clip["persons"])
