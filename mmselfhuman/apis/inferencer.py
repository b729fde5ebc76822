"""Images and videos in, persons out."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.infer.infer import BaseInferencer
from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader

from mmselfhuman.apis.batches import batches_ahead
from mmselfhuman.apis.images import as_bgr, read_upright
from mmselfhuman.apis.inputs import CameraClip, InputType, Still, Video, resolve
from mmselfhuman.apis.loading import Weights, composed, load_detector, of_model_index, of_self_training
from mmselfhuman.apis.output import Output, show_in_window
from mmselfhuman.apis.results import draw
from mmselfhuman.datasets.images import DamagedImageError
from mmselfhuman.models.detectors.persons import FramePersons
from mmselfhuman.models.detectors.stopwatch import Stopwatch
from mmselfhuman.registry import INFERENCERS
from mmselfhuman.utils import only_weights, plain_config

Temporal = Literal["none", "ids", "refine"]
TEMPORAL: tuple[str, ...] = ("none", "ids", "refine")
_DEFAULT_FPS = 25.0


@INFERENCERS.register_module()
class SelfHumanInferencer(BaseInferencer):
    """Segments the persons of images and videos.

    ::

        SelfHumanInferencer('config.py', 'weights.pth')('photos/', out_dir='outputs')

    Args:
        model: The detector: a config file or config, the name of a model in ``model-index.yml``, configs of its three
            networks (``dict(pose=..., seg=..., pose2seg=...)``), or the work dir of a finished self-training. ``None``:
            the config in the checkpoint, where ``tools/misc/combine_checkpoints.py`` puts it.
        weights: A checkpoint, or ``dict(pose=..., seg=..., pose2seg=...)`` of one for each network. A work dir brings
            its own.
        device: ``'cpu'``, ``'cuda:1'``, ...; the best there is if ``None``.
        settings: Override the detector's, e.g. ``dict(fusion=dict(mode='exclusive'), pose2seg=dict(batch_size=8))``.
        flow: Config of the flow estimator for videos; DIS if ``None``, in its fast setting where nothing is refined.
        tpr: Settings of TPR for ``temporal='refine'``; the paper's window of 3, and one round, if ``None``.
        gbsr: Settings of GBSR for ``temporal='refine'``.
        show_progress: Print what is being worked on, and in the end how long each part took.

    Attributes:
        stopwatch: Seconds of the last call, by part.

    Raises:
        ValueError: What ``model`` names does not exist, or no weights are known.
    """

    preprocess_kwargs: ClassVar[set] = {"frame_step", "max_frames", "resize"}
    forward_kwargs: ClassVar[set] = {"temporal"}
    visualize_kwargs: ClassVar[set] = {"return_vis", "show", "min_score"}
    postprocess_kwargs: ClassVar[set] = {"out_dir", "save_masks"}

    def __init__(
        self,
        model: str | Path | Config | ConfigDict | Mapping[str, Any] | None = None,
        weights: Weights = None,
        device: str | None = None,
        settings: Mapping[str, Any] | None = None,
        flow: dict | None = None,
        tpr: dict | None = None,
        gbsr: dict | None = None,
        show_progress: bool = True,
    ) -> None:
        model, weights = _resolved(model, weights)
        self._weights, self._settings = weights, dict(settings or {})
        self._flow, self._tpr, self._gbsr = flow, tpr or {"rounds": 1}, gbsr or {}
        # The base class would load the weights in one piece.
        super().__init__(model, None, device, "mmselfhuman", show_progress)

    @property
    def stopwatch(self) -> Stopwatch:
        """Seconds of the last call, by part."""
        return self.model.stopwatch

    @torch.no_grad()
    def __call__(
        self,
        inputs: InputType,
        return_datasamples: bool = False,
        batch_size: int = 4,
        temporal: Temporal = "ids",
        frame_step: int = 1,
        max_frames: int | None = None,
        resize: float | tuple[int, int] | None = None,
        out_dir: str | Path | None = None,
        return_vis: bool = False,
        show: bool = False,
        min_score: float = 0.3,
        save_masks: bool = True,
    ) -> dict[str, Any]:
        """Segment the persons of all inputs.

        Videos are read a batch ahead, segmented, drawn and written frame by frame; images batch by batch. Images that
        cannot be decoded are skipped and counted; a path that does not exist is an error before anything is done.

        Args:
            inputs: See :func:`~mmselfhuman.apis.inputs.resolve`.
            return_datasamples: Give mmdet's ``DetDataSample`` instead of plain values.
            batch_size: Images or frames that go through the Pose and Seg Modules together. How many persons go through
                Pose2Seg together is a setting of the detector.
            temporal: What is made of a video's time: ``'none'``: frames are images; ``'ids'``: persons are followed;
                ``'refine'``: masks and poses are refined by TPR and GBSR as well.
            frame_step: Of videos every n-th frame.
            max_frames: Of each video at most so many.
            resize: ``(width, height)`` in pixels, or a factor, of the frames of videos.
            out_dir: Where to write ``predictions.json`` (COCO results), ``masks/`` (PNG: the number of the person, or
                of the track) and ``visualizations/`` (JPEG, or MP4 and PNGs per frame for videos). Nothing if ``None``.
            return_vis: Also return what was drawn.
            show: Show it in a window; Q or Escape ends.
            min_score: Persons with a lower score are not drawn; predictions hold all.
            save_masks: Write ``masks/``.

        Returns:
            ``predictions``, for each image or frame that could be decoded (see
            :func:`~mmselfhuman.apis.results.to_prediction`; frames have ``video`` and ``frame`` as well);
            ``visualization``, the pictures, or an empty list; ``skipped``, what could not be decoded, as path and
            reason.

        Raises:
            FileNotFoundError, ValueError, TypeError: The inputs are not what they may be.
        """
        if temporal not in TEMPORAL:
            raise ValueError(f"temporal: expected one of {TEMPORAL}, got {temporal!r}")
        self.stopwatch.reset()
        work = Output(
            self.stopwatch,
            None if out_dir is None else Path(out_dir),
            as_samples=return_datasamples,
            keep_pictures=return_vis,
            show=show,
            min_score=min_score,
            save_masks=save_masks,
        )
        found = resolve(inputs)
        work.stills(self._of_images([one for one in found if isinstance(one, Still)], batch_size, work))
        for video in (one for one in found if isinstance(one, Video)):
            clip = self._clip(video, frame_step, max_frames, resize, work)
            if clip is not None:
                fps = (clip.info.fps or _DEFAULT_FPS) / frame_step
                work.video(video, self._of_video(clip, temporal, batch_size), fps)
        results = self.postprocess(work.predictions, work.pictures, return_datasamples)
        results["skipped"] = work.skipped
        work.finish()
        if self.show_progress:
            skipped = f", {len(work.skipped)} skipped" if work.skipped else ""
            print_log(f"{len(work.predictions)} images and frames{skipped}\n{self.stopwatch.table()}", "current")
        return results

    def preprocess(self, inputs: Sequence[Any], batch_size: int = 1, **kwargs: Any) -> Iterator[list[np.ndarray]]:
        """Images and paths of images as batches of ``(H, W, 3)`` uint8, BGR."""
        images = map(_image, (one.image if isinstance(one, Still) else one for one in inputs))
        while batch := list(islice(images, batch_size)):
            yield batch

    def forward(self, inputs: Sequence[np.ndarray], **kwargs: Any) -> list[FramePersons]:
        """The persons of a batch of images."""
        device = next(self.model.parameters()).device
        images = [torch.from_numpy(image).permute(2, 0, 1).to(device) for image in inputs]
        return self.model.persons(images, self.model.poses(images), self.model.seg_logits(images))

    def visualize(
        self,
        inputs: Sequence[np.ndarray],
        preds: Sequence[FramePersons],
        return_vis: bool = True,
        show: bool = False,
        min_score: float = 0.3,
    ) -> list[np.ndarray]:
        """Draw the persons of some images: new arrays."""
        drawn = [draw(image, persons, min_score) for image, persons in zip(inputs, preds, strict=True)]
        for picture in drawn if show else ():
            show_in_window(picture)
        return drawn if return_vis else []

    def postprocess(
        self,
        preds: Sequence[Any],
        visualization: Sequence[np.ndarray],
        return_datasamples: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """What a call returns."""
        return {"predictions": list(preds), "visualization": list(visualization)}

    def _of_images(
        self, stills: Sequence[Still], batch_size: int, work: Output
    ) -> Iterator[tuple[Still, np.ndarray, FramePersons]]:
        loaded = self._loaded(stills, work)
        while batch := list(islice(loaded, batch_size)):
            persons = self.forward([image for _, image in batch])
            yield from ((still, image, one) for (still, image), one in zip(batch, persons, strict=True))

    def _loaded(self, stills: Sequence[Still], work: Output) -> Iterator[tuple[Still, np.ndarray]]:
        for still in stills:
            try:
                with self.stopwatch("reading"):
                    image = _image(still.image)
            except DamagedImageError as error:
                work.skip(str(still.image), str(error))
                continue
            yield still, image

    def _clip(
        self,
        video: Video,
        frame_step: int,
        max_frames: int | None,
        resize: float | tuple[int, int] | None,
        work: Output,
    ) -> Any:
        from mmselfhuman.datasets.video import UnlabelledVideos

        if isinstance(video.path, int):
            return CameraClip(video.path, max_frames)
        try:
            with self.stopwatch("reading"):
                return UnlabelledVideos(video.path, frame_step=frame_step, max_frames=max_frames, resize=resize)[0]
        except ValueError as error:
            if not Path(video.path).is_file() or frame_step < 1 or (max_frames or 1) < 1:
                raise
            work.skip(str(video.path), str(error))
            return None

    def _of_video(self, clip: Iterable, temporal: str, batch_size: int) -> Iterator[tuple[Any, FramePersons]]:
        if temporal == "none":
            for batch in batches_ahead(clip, batch_size, self.stopwatch):
                yield from zip(batch, self.forward([frame.image for frame in batch]), strict=True)
            return
        yield from self._video_segmenter(temporal == "refine", batch_size)(clip)

    def _video_segmenter(self, refine: bool, batch_size: int) -> Any:
        from mmselfhuman.apis.video import VideoSegmenter
        from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
        from mmselfhuman.models.tpr.registered import build_refiner
        from mmselfhuman.registry import MODELS

        config = self._flow or {"type": "DISFlow", "preset": "medium" if refine else "fast"}
        flow = MODELS.build({"_scope_": "mmselfhuman", **config}).to(next(self.model.parameters()).device)
        return VideoSegmenter(
            self.model,
            flow,
            tpr=build_refiner(flow, **self._tpr) if refine else None,
            gbsr=GraphPoseRefiner(**self._gbsr) if refine else None,
            batch_size=batch_size,
        )

    def _init_model(self, cfg: Any, weights: Any, device: str = "cpu") -> torch.nn.Module:
        if self._weights is None:
            print_log("no weights are given: the networks are as initialised", "current", logging.WARNING)
        return load_detector(cfg, self._weights, device, self._settings)

    def _init_pipeline(self, cfg: Any) -> Any:
        """Each network prepares images by itself."""
        return _image

    def _init_visualizer(self, cfg: Any) -> None:
        """Drawing needs no state."""


def _resolved(model: Any, weights: Weights) -> tuple[Any, Weights]:
    """Work dirs, configs of parts and configs inside checkpoints, as what the base class understands."""
    if isinstance(model, Path):
        model = str(model)
    if isinstance(model, str) and Path(model).is_dir():
        model, own = of_self_training(model)
        return model, own if weights is None else weights
    if isinstance(model, str) and not Path(model).is_file():
        model, published = of_model_index(model)
        return model, published if weights is None else weights
    if isinstance(model, Mapping) and "model" not in model:
        return composed(model), weights
    if model is None and isinstance(weights, str | Path):
        with only_weights():
            meta = CheckpointLoader.load_checkpoint(str(weights), map_location="cpu").get("meta", {})
        if "cfg" not in meta:
            raise ValueError(f"{weights} has no config in it; give model as well")
        return plain_config(meta["cfg"], f"the config in {weights}"), weights
    if model is None:
        raise ValueError("neither model nor a checkpoint that has its config is given")
    return model, weights


def _image(image: np.ndarray | str) -> np.ndarray:
    return as_bgr(image) if isinstance(image, np.ndarray) else read_upright(str(image))
