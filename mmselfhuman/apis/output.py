"""Where results go."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.logging import print_log

from mmselfhuman.apis.inputs import Still, Video
from mmselfhuman.apis.results import draw, label_map, to_prediction, write_coco
from mmselfhuman.models.detectors.persons import FramePersons
from mmselfhuman.models.detectors.stopwatch import Stopwatch
from mmselfhuman.visualization import write_image, write_video


class Output:
    """What becomes of results, one after the other: kept, drawn, written, shown.

    Args:
        stopwatch: Times drawing and writing.
        out_dir: Where to write; ``None``: nowhere.
        as_samples: Keep mmdet's data samples instead of plain values.
        keep_pictures: Keep what is drawn.
        show: Show it in a window.
        min_score: Persons with a lower score are not drawn.
        save_masks: Write masks.

    Attributes:
        predictions: In the order of the results.
        pictures: What was drawn, if it is to be kept.
        skipped: ``path`` and ``reason`` of what could not be decoded.
    """

    def __init__(
        self,
        stopwatch: Stopwatch,
        out_dir: Path | None,
        as_samples: bool = False,
        keep_pictures: bool = False,
        show: bool = False,
        min_score: float = 0.3,
        save_masks: bool = True,
    ) -> None:
        self._timed, self._out_dir = stopwatch, out_dir
        self._as_samples, self._keep_pictures, self._show = as_samples, keep_pictures, show
        self._min_score, self._save_masks = min_score, save_masks and out_dir is not None
        self.predictions: list[Any] = []
        self.pictures: list[np.ndarray] = []
        self.skipped: list[dict[str, str]] = []
        self._plain: list[dict] = []

    def skip(self, path: str, reason: str) -> None:
        """Count something that cannot be decoded."""
        self.skipped.append({"path": path, "reason": reason})
        print_log(f"skipped ({len(self.skipped)} so far): {reason}", "current", logging.WARNING)

    def stills(self, results: Iterable[tuple[Still, np.ndarray, FramePersons]]) -> None:
        """Images, as they come."""
        for number, (still, image, persons) in enumerate(results):
            self._keep(persons, to_prediction(persons, still.file_name, number))
            self._write_mask(f"{still.name}.png", persons)
            picture = self._drawn(image, persons)
            if picture is not None and self._out_dir is not None:
                with self._timed("writing"):
                    write_image(self._out_dir / "visualizations" / f"{still.name}.jpg", picture)

    def video(self, video: Video, results: Iterable[tuple[Any, FramePersons]], fps: float) -> None:
        """A video, frame by frame."""
        pictures = self._frames(video, results)
        if self._out_dir is None:
            for _ in pictures:
                pass
            return
        first = next(pictures, None)
        if first is not None:
            # The writer pulls the frames, so that the networks' time passes inside it, counted where it belongs.
            with self._timed("writing"):
                path = self._out_dir / "visualizations" / f"{video.name}.mp4"
                write_video(path, _chained(first, pictures), fps)

    def _frames(self, video: Video, results: Iterable[tuple[Any, FramePersons]]) -> Iterator[np.ndarray]:
        for frame, persons in results:
            name = f"{video.name}/{frame.index:06d}"
            prediction = to_prediction(persons, name, frame.index)
            self._keep(persons, {**prediction, "video": str(video.path), "frame": frame.index})
            self._write_mask(f"{name}.png", persons)
            picture = self._drawn(frame.image, persons)
            if picture is not None:
                yield picture

    def finish(self) -> None:
        """Write what is written in one piece."""
        if self._out_dir is not None:
            with self._timed("writing"):
                write_coco(self._out_dir / "predictions.json", self._plain)

    def _keep(self, persons: FramePersons, prediction: dict) -> None:
        if self._out_dir is not None:
            self._plain.append(prediction)
        self.predictions.append(_to_sample(persons, prediction) if self._as_samples else prediction)

    def _write_mask(self, name: str, persons: FramePersons) -> None:
        if self._save_masks:
            ids = persons.poses.track_ids
            with self._timed("writing"):
                numbers = None if ids is None else (ids + 1).tolist()
                write_image(self._out_dir / "masks" / name, label_map(persons, numbers))

    def _drawn(self, image: np.ndarray, persons: FramePersons) -> np.ndarray | None:
        if self._out_dir is None and not self._keep_pictures and not self._show:
            return None
        with self._timed("drawing"):
            picture = draw(image, persons, self._min_score)
        if self._show:
            show_in_window(picture)
        if self._keep_pictures:
            self.pictures.append(picture)
        return picture


def show_in_window(picture: np.ndarray) -> None:
    """Show a picture; Q or Escape ends the program as Ctrl-C does.

    Raises:
        RuntimeError: This build of OpenCV has no windows.
        KeyboardInterrupt: Q or Escape was pressed.
    """
    try:
        cv2.imshow("mmselfhuman", picture)
        key = cv2.waitKey(1)
    except cv2.error as error:
        raise RuntimeError("this build of OpenCV cannot open windows; write to out_dir instead of show=True") from error
    if key in (27, ord("q")):
        raise KeyboardInterrupt


def _chained(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest


def _to_sample(persons: FramePersons, prediction: dict) -> Any:
    from mmdet.structures import DetDataSample

    from mmselfhuman.models.detectors.detector import to_instances

    metainfo = {"img_path": prediction["file_name"], "img_id": prediction["image_id"], "ori_shape": persons.frame_size}
    sample = DetDataSample(metainfo=metainfo)
    sample.pred_instances = to_instances(persons, persons.scores.device)
    return sample
