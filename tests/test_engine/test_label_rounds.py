"""Rounds of pseudo-labels from clips, a predictor and TPR."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from label_toys import SIZE, Brightness, Square, contents, maker

from mmselfhuman.datasets import SyntheticVideos, UnlabelledVideos
from mmselfhuman.engine.label_making import CollapsedLabelsError, LabelMaker, UnusableClipError, make_round
from mmselfhuman.models.flow import FlowEstimator
from mmselfhuman.models.tpr import TemporalParsingRefiner
from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import UNSURE


def test_labels_are_the_refined_classes() -> None:
    clip = Square("a")
    labels = list(maker()(clip, Brightness()))
    assert [label.frame for label in labels] == list(range(6))
    for label in labels:
        assert (label.height, label.width) == (SIZE, SIZE)
        np.testing.assert_array_equal(label.image, clip.image(label.frame))
        truth = clip.image(label.frame).mean(axis=2) > 120
        assert (label.semantic == truth)[label.semantic != UNSURE].all()
        assert (label.semantic != UNSURE).mean() > 0.9
        assert label.confidence[12:18, 14:18].min() > 200


def test_flow_networks_follow_the_logits_to_their_device() -> None:
    class Somewhere(Brightness):
        def __call__(self, clip: str, frames: list) -> list[torch.Tensor]:
            return [logits.to("meta") for logits in super().__call__(clip, frames)]

    class Network(FlowEstimator):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def estimate(self, src: torch.Tensor, dst: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(src), 2, *src.shape[2:])

    network = Network()
    with pytest.raises(NotImplementedError):  # no data can come back from this device
        list(LabelMaker(TemporalParsingRefiner(network, rounds=1))(Square("a"), Somewhere()))
    assert network.weight.device.type == "meta"


def test_what_was_given_is_averaged_with_what_the_network_says() -> None:
    clip, opposite = Square("a"), Brightness(margin=-12.0)
    (label, *_), (alone, *_) = (list(maker(threshold=0, given=given)(clip, Brightness())) for given in (opposite, None))
    assert ((label.semantic == 1) == (clip.image(0).mean(axis=2) <= 120)).mean() > 0.9
    # The network's own masks are still its own.
    assert label.provenance["signals"]["network"] < 0.1
    assert alone.provenance["signals"]["network"] > 0.9
    assert maker(given=opposite).identity == {**maker().identity, "given": opposite.identity}


def test_pixels_below_the_threshold_are_unsure() -> None:
    labels = list(maker(threshold=0.9)(Square("a"), Brightness()))
    for label in labels:
        np.testing.assert_array_equal(label.semantic == UNSURE, label.confidence < 255 * 0.9)
    assert all((label.semantic != UNSURE).all() for label in maker(threshold=0)(Square("a"), Brightness(margin=0.1)))


def test_signals_tell_what_a_frame_is_like() -> None:
    first, *_, last = maker(threshold=0)(Square("a"), Brightness())
    signals = first.provenance["signals"]
    assert signals["classes"] == {"0": SIZE**2 - 196, "1": 196}
    assert (signals["network"], signals["stability"]) == (1, pytest.approx(1, abs=0.1))
    assert signals["previous"] is None
    assert 0 <= signals["unreliable"] < 0.1
    assert last.provenance["signals"]["stability"] is None


def test_stability_is_measured_on_large_frames_too() -> None:
    class Enlarged(Square):
        def image(self, index: int) -> np.ndarray:
            return super().image(index).repeat(16, axis=0).repeat(16, axis=1)  # moves by 16 pixels

    first, _ = maker(threshold=0)(Enlarged("a", 2), Brightness())
    assert first.provenance["signals"]["stability"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("length", [1, 2])
def test_the_shortest_clips_are_labelled(length: int) -> None:
    assert len(list(maker()(Square("a", length), Brightness()))) == length


def test_a_clip_without_frames_is_unusable() -> None:
    with pytest.raises(UnusableClipError, match="no frame of it can be read"):
        list(maker()(Square("a", 0), Brightness()))


def test_frames_reach_the_network_once_and_in_batches(tmp_path: Path) -> None:
    predictor = Brightness()
    make_round(PseudoLabelStore(tmp_path), 1, [Square("a", 9)], predictor, maker())
    assert predictor.asked == [("a", index) for index in range(9)]


def test_a_round_is_committed_with_its_signals(tmp_path: Path) -> None:
    store = PseudoLabelStore(tmp_path, image_format="png")
    report = make_round(store, 1, [Square("b"), Square("a", 4)], Brightness(), maker(), provenance={"note": "mine"})
    reader = store.read(1)
    assert reader.clips == ("a", "b")
    assert len(reader) == report.signals.frames == 10
    assert reader.provenance["note"] == "mine"
    assert reader.provenance["maker"]["threshold"] == 0.7
    assert reader.summary["signals"] == report.summary()["signals"]
    assert report.signals.previous is None
    np.testing.assert_array_equal(reader[0].semantic, next(maker()(Square("a", 4), Brightness())).semantic)


def test_agreement_with_the_last_round_is_measured(tmp_path: Path) -> None:
    store = PseudoLabelStore(tmp_path)
    make_round(store, 1, [Square("a")], Brightness(), maker())
    again = make_round(store, 2, [Square("a")], Brightness(), maker())
    assert again.signals.previous == 1
    inverted = make_round(store, 3, [Square("a")], Brightness(margin=-6.0), maker())
    assert inverted.signals.previous < 0.05


def test_an_interrupted_round_is_completed_without_labelling_twice(tmp_path: Path) -> None:
    clips = [Square("a"), Square("b"), Square("c")]
    whole = make_round(PseudoLabelStore(tmp_path / "whole"), 1, clips, Brightness(), maker())

    class Killed(Brightness):
        def __call__(self, clip: str, frames: list) -> list:
            if clip == "b":
                raise KeyboardInterrupt
            return super().__call__(clip, frames)

    store = PseudoLabelStore(tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        make_round(store, 1, clips, Killed(), maker())
    assert store.latest_round() is None
    predictor = Brightness()
    resumed = make_round(store, 1, clips, predictor, maker())
    assert {clip for clip, _ in predictor.asked} == {"b", "c"}
    assert resumed.resumed == 1
    assert resumed.signals == whole.signals
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_clips_made_by_another_network_or_with_other_settings_are_made_again(tmp_path: Path) -> None:
    store = PseudoLabelStore(tmp_path)
    make_round(store, 1, [Square("a")], Brightness(), maker())
    assert make_round(store, 1, [Square("a")], Brightness(), maker()).resumed == 1
    assert make_round(store, 1, [Square("a")], Brightness(margin=5.0), maker()).resumed == 0
    assert make_round(store, 1, [Square("a")], Brightness(margin=5.0), maker(threshold=0.5)).resumed == 0


def test_a_clip_that_ends_in_an_error_is_left_out_and_reported(tmp_path: Path) -> None:
    store = PseudoLabelStore(tmp_path)
    clips = [Square("a"), Square("bad", fails_at=3), Square("b")]
    report = make_round(store, 1, clips, Brightness(), maker())
    assert report.skipped == {"bad": "bad: frame 3 is on a bad sector"}
    assert store.read(1).clips == ("a", "b")
    assert store.read(1).summary["skipped"] == report.skipped
    assert report.signals.frames == 12
    assert report.scalars()["skipped_clips"] == 1
    assert "1 clips skipped: bad (bad: frame 3 is on a bad sector)" in str(report)


def test_damaged_frames_are_counted_also_after_an_interruption(tmp_path: Path) -> None:
    import cv2

    folder = tmp_path / "videos" / "a"
    folder.mkdir(parents=True)
    for index in range(5):
        cv2.imwrite(str(folder / f"{index}.png"), Square("a").image(index))
    (folder / "2.png").write_bytes(b"no image")
    store = PseudoLabelStore(tmp_path / "store")
    report = make_round(store, 1, UnlabelledVideos(tmp_path / "videos"), Brightness(), maker())
    assert report.damaged == {"a": 1}
    assert [label.frame for label in store.read(1)] == [0, 1, 3, 4]
    again = make_round(store, 1, UnlabelledVideos(tmp_path / "videos"), Brightness(), maker())
    assert (again.resumed, again.damaged) == (1, {"a": 1})


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (Brightness(bias=50), "100.00% of the pixels that are not ignored are one and the same foreground class"),
        (Brightness(bias=-50), "100.00% of the pixels that are not ignored are background"),
        (Brightness(margin=0.01), "100.00% of all pixels are ignored"),
    ],
)
def test_collapsed_labels_are_not_committed(tmp_path: Path, predictor: Brightness, message: str) -> None:
    store = PseudoLabelStore(tmp_path)
    with pytest.raises(CollapsedLabelsError, match=message):
        make_round(store, 1, [Square("a")], predictor, maker())
    assert store.latest_round() is None


def test_settings_out_of_range_are_named() -> None:
    for settings, message in (
        ({"threshold": 70}, "threshold: expected a probability in .0, 1., got 70"),
        ({"batch_size": 0}, "batch_size: expected at least 1, got 0"),
        ({"background": -1}, "background: expected the index of a class or None, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            maker(**settings)


def test_memory_does_not_grow_with_the_clip() -> None:
    clip = SyntheticVideos(num_videos=1, num_frames=60, size=(64, 64))[0]
    frames = list(clip)

    class Repeated:
        name = "long"

        def __init__(self, length: int) -> None:
            self.length = length

        def __iter__(self):
            return (type(frames[0])(index, frames[index % 60].image.copy()) for index in range(self.length))

    def peak(length: int) -> int:
        tracemalloc.start()
        try:
            for _ in maker()(Repeated(length), Brightness()):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(20)  # what is imported and cached on first use
    # Frames of the longer clip alone would be 1.2 MB more.
    assert peak(160) < peak(60) + 0.3e6
