"""Label making and training in turns, in real runners."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from label_toys import contents
from mmengine.config import Config
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner
from tpr_configs import ROOT, STOCK, store_of, tiny_training, tpr_settings, train
from two_ranks import stores_of_one_and_two_ranks

from mmselfhuman.engine import TPRHook
from mmselfhuman.engine.label_making import CollapsedLabelsError
from mmselfhuman.engine.label_making.weights import weights_digest

VIDEOS = {"type": "SyntheticVideos"}


def _logged(config: Config) -> list[dict]:
    """All scalars of the run, in order."""
    (path,) = Path(config.work_dir).rglob("scalars.json")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_loop_over_iterations_makes_a_round_before_every_interval(tmp_path: Path) -> None:
    config = tiny_training(tmp_path)
    train(config)
    store = store_of(config)
    assert store.rounds() == [1, 2, 3]
    assert [store.read(number).provenance["moment"] for number in (1, 2, 3)] == [
        [0, "iterations"],
        [2, "iterations"],
        [4, "iterations"],
    ]
    assert len({store.read(number).provenance["predictor"]["weights"] for number in (1, 2, 3)}) == 3
    signals = [entry for entry in _logged(config) if "tpr/ignored" in entry]
    assert len(signals) == 3
    assert "tpr/previous" not in signals[0]
    assert {"tpr/previous", "tpr/stability", "tpr/unreliable", "tpr/empty", "tpr/network"} <= signals[1].keys()


def test_a_loop_over_epochs_counts_in_epochs_and_may_start_later(tmp_path: Path) -> None:
    config = tiny_training(tmp_path, by_epoch=True, start=1, rounds=2)
    train(config)
    store = store_of(config)
    assert [store.read(number).provenance["moment"] for number in store.rounds()] == [[1, "epochs"], [2, "epochs"]]


def test_the_network_trains_on_the_labels_of_the_last_round(tmp_path: Path) -> None:
    seen = []

    class Spy(Hook):
        def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict) -> None:
            paths = [sample.img_path for sample in data_batch["data_samples"]]
            seen.append((runner.train_dataloader.dataset.round, any("store/frames" in path for path in paths)))

    train(tiny_training(tmp_path), Spy())
    assert [number for number, _ in seen] == [1, 1, 2, 2, 3, 3]
    assert any(pseudo for _, pseudo in seen)


def test_works_in_a_stock_config_of_mmseg(tmp_path: Path) -> None:
    config = tiny_training(tmp_path, STOCK)
    assert config.default_scope == "mmseg"
    runner = train(config)
    assert runner.iter == 6
    assert store_of(config).rounds() == [1, 2, 3]
    assert all("loss" in entry for entry in _logged(config) if "step" in entry and "lr" in entry)


def test_averaged_weights_make_the_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_training(tmp_path)
    digests = {}
    make_round = TPRHook._make_round

    def spy(hook: TPRHook, runner: Runner, number: int) -> None:
        ema = next(hook for hook in runner.hooks if isinstance(hook, EMAHook))
        digests[number] = weights_digest(ema.ema_model.module), weights_digest(runner.model)
        make_round(hook, runner, number)

    monkeypatch.setattr(TPRHook, "_make_round", spy)
    train(config)
    assert digests.keys() == {1, 2, 3}
    for number, (averaged, own) in digests.items():
        used = store_of(config).read(number).provenance["predictor"]["weights"]
        assert averaged != own
        # Nothing is averaged before the first step.
        assert used == (own if number == 1 else averaged)


def test_collapsed_labels_stop_the_training_with_the_numbers(tmp_path: Path) -> None:
    config = tiny_training(tmp_path, guard={})
    runner = Runner.from_cfg(config)
    with torch.no_grad():
        runner.model.decode_head.conv_seg.bias[:] = torch.tensor([100.0, -100.0])
    # Weights are initialised when training starts; these stay.
    runner._init_model_weights = lambda: None
    with pytest.raises(CollapsedLabelsError, match=r"100\.00% of the pixels that are not ignored are background"):
        runner.train()
    assert store_of(config).rounds() == []


@pytest.mark.parametrize("by_epoch", [False, True], ids=["iterations", "epochs"])
def test_resuming_takes_back_later_rounds_and_makes_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_epoch: bool
) -> None:
    config = tiny_training(tmp_path / "whole", by_epoch=by_epoch)
    expected = train(config).model.state_dict()
    again = tiny_training(tmp_path / "again", by_epoch=by_epoch)
    again.default_hooks.checkpoint.max_keep_ckpts = -1
    train(again)
    made = []
    make_round = TPRHook._make_round

    def spy(hook: TPRHook, runner: Runner, number: int) -> None:
        made.append((number, hook.store.rounds()))
        make_round(hook, runner, number)

    monkeypatch.setattr(TPRHook, "_make_round", spy)
    again.resume = True
    again.load_from = str(tmp_path / "again" / ("epoch_1.pth" if by_epoch else "iter_2.pth"))
    resumed = train(again).model.state_dict()
    assert made == [(3, [1, 2])]
    assert all(torch.equal(value, resumed[name]) for name, value in expected.items())
    assert contents(store_of(again).root) == contents(store_of(config).root)


def test_a_round_that_was_lost_is_made_again_only_with_the_weights_it_was_made_with(tmp_path: Path) -> None:
    config = tiny_training(tmp_path)
    config.default_hooks.checkpoint.interval = 1
    config.default_hooks.checkpoint.max_keep_ckpts = -1
    train(config)
    store_of(config).rewind(1)
    config.resume, config.load_from = True, str(tmp_path / "iter_3.pth")
    with pytest.raises(ValueError, match=r"lacks round 2, made after 2 iterations, .* resumed after 3"):
        train(config)


def test_labels_of_another_maker_are_not_replaced(tmp_path: Path) -> None:
    config = tiny_training(tmp_path)
    from label_toys import Brightness, Square, maker

    from mmselfhuman.engine.label_making import make_round

    make_round(store_of(config), 1, [Square("a")], Brightness(), maker())
    with pytest.raises(ValueError, match="holds a round 1 that was made by None, and TPRHook would replace it"):
        train(config)
    assert store_of(config).rounds() == [1]


def test_two_runs_do_not_share_a_store(tmp_path: Path) -> None:
    config = tiny_training(tmp_path / "first")
    train(config)
    other = tiny_training(tmp_path / "other")
    other.train_dataloader.dataset.pseudo.source.store = config.train_dataloader.dataset.pseudo.source.store
    with pytest.raises(ValueError, match=r"holds the labels of the run in .*first, not in .*other"):
        train(other)


def _without_pseudo_labels(config: Config) -> None:
    config.train_dataloader.dataset = config.train_dataloader.dataset.labelled


def _elsewhere(config: Config) -> None:
    tpr_settings(config).store = "elsewhere"


def _five_classes(config: Config) -> None:
    config.model.decode_head.num_classes = 5


def _missing_videos(config: Config) -> None:
    tpr_settings(config).videos = {"type": "UnlabelledVideos", "paths": "absent"}


def _no_videos(config: Config) -> None:
    tpr_settings(config).videos = []


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (_without_pseudo_labels, ValueError, r"no PseudoLabelDataset[\s\S]*type='mmselfhuman.PseudoLabelDataset'"),
        (_elsewhere, ValueError, "labels would be written to elsewhere, but the training dataset reads .*store"),
        (_five_classes, ValueError, "the model tells 5 classes apart, the training dataset has 2: background, person"),
        (_missing_videos, FileNotFoundError, "absent"),
        (_no_videos, ValueError, "there are no videos"),
    ],
)
def test_what_does_not_fit_is_an_error_before_training(
    tmp_path: Path, spoil: Callable[[Config], None], error: type[Exception], message: str
) -> None:
    config = tiny_training(tmp_path)
    spoil(config)
    with pytest.raises(error, match=message):
        train(config)
    assert not list(tmp_path.glob("*.pth"))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"interval": 0}, ValueError, "interval must be a whole number of at least 1, got 0"),
        ({"interval": 2, "rounds": 0}, ValueError, "rounds must be"),
        ({"interval": 2, "start": -1}, ValueError, "start must be"),
        ({"interval": 2, "keep": 1}, ValueError, "keep must be a whole number of at least 2"),
        ({"interval": 2, "refiner": {"windw": 5}}, TypeError, "windw"),
        ({"interval": 2, "refiner": {"flow": {"type": "NoFlow"}}}, KeyError, "NoFlow"),
        ({"interval": 2, "guard": {"ignord": 0.5}}, TypeError, "ignord"),
    ],
)
def test_wrong_settings_are_an_error_when_the_hook_is_built(settings: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        TPRHook(videos=VIDEOS, **settings)


def _is_complete(text: str, folder: Path) -> None:
    """Whether lines that users are told to add make a config of mmseg one that TPR can work with."""
    stock = "_base_ = 'mmseg::pspnet/pspnet_r18-d8_4xb2-80k_cityscapes-512x1024.py'\n"
    (folder / "mine.py").write_text(stock + text)
    config = Config.fromfile(folder / "mine.py")
    dataset = config.train_dataloader.dataset
    assert (config.train_dataloader.sampler.type, dataset.type) == (
        "mmselfhuman.EndlessDraws",
        "mmselfhuman.PseudoLabelDataset",
    )
    assert dataset.labelled.type == "CityscapesDataset"
    kinds = [transform.type for transform in dataset.pseudo.pipeline]
    assert kinds[:3] == ["mmselfhuman.LoadPersonImage", "mmselfhuman.LoadPersonSegMap", "RandomResize"]
    assert dataset.pseudo.source.type == "PseudoLabels"


def test_the_lines_of_the_guide_are_complete(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "tpr.md").read_text()
    lines = guide.partition("```python\n")[2].partition("```")[0].replace("_base_ = 'my_config.py'\n", "")
    _is_complete(lines, tmp_path)


def test_the_lines_in_the_error_are_complete(tmp_path: Path) -> None:
    config = tiny_training(tmp_path)
    _without_pseudo_labels(config)
    with pytest.raises(ValueError, match="nothing would be learned") as error:
        train(config)
    _is_complete(str(error.value).partition("Add to the config:\n")[2], tmp_path)


def test_two_ranks_write_the_same_bytes_as_one(tmp_path: Path) -> None:
    one, two = stores_of_one_and_two_ranks(tmp_path, "tpr_configs")
    assert contents(two) == contents(one)
