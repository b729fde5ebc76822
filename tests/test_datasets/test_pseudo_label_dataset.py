"""Labelled and pseudo-labelled samples from one dataset, for each of the MM libraries."""

import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from mmselfhuman.datasets import EndlessDraws, EpochDraws, PseudoLabelDataset, SyntheticPeople
from mmselfhuman.datasets.pseudo_labels import Draw
from mmselfhuman.pseudo_labels import PseudoLabelError, PseudoLabelStore
from mmselfhuman.registry import DATASETS, TRANSFORMS
from mmselfhuman.structures import UNSURE, PseudoLabel

SIZE = 32
LABELLED = 6


@TRANSFORMS.register_module()
class DrawFromAllGenerators:
    """Adds what the three global generators give, and whether the sample is pseudo-labelled."""

    def __call__(self, results):
        import random

        name, pseudo = results["file_name"], not results["rendered"]
        drawn = random.random(), np.random.rand(), float(torch.rand(1))  # noqa: NPY002
        return {"name": name, "pseudo": pseudo, "drawn": drawn, "sum": int(results["gt_seg_map"].sum())}


PIPELINE = [
    {"type": "mmselfhuman.LoadPersonImage"},
    {"type": "mmselfhuman.LoadPersonSegMap"},
    {"type": "mmselfhuman.DrawFromAllGenerators"},
]


@pytest.fixture
def store(tmp_path):
    return PseudoLabelStore(tmp_path / "store", image_format="png", confidence_stride=1)


def commit(store, number, frames=5, value=1, provenance=None, **fields):
    writer = store.begin_round(number, provenance or {})
    labels = [
        PseudoLabel(
            frame=frame,
            height=SIZE,
            width=SIZE,
            image=np.full((SIZE, SIZE, 3), frame, np.uint8),
            semantic=np.full((SIZE, SIZE), value, np.uint8),
            **fields,
        )
        for frame in range(frames)
    ]
    writer.write_clip("clip", labels)
    return writer.commit()


def mixed(store, ratio=0.4, **fields):
    labelled = {
        "type": "mmselfhuman.PersonSegDataset",
        "source": SyntheticPeople("source_train", num_images=LABELLED, size=(SIZE, SIZE)),
        "pipeline": PIPELINE,
    }
    pseudo = {
        "type": "PersonSegDataset",
        "source": {"type": "PseudoLabels", "store": str(store.root)},
        "pipeline": PIPELINE,
    }
    return PseudoLabelDataset(labelled, {**pseudo, **fields}, ratio)


def batches(dataset, sampler, count=None, workers=0, persistent=False):
    loader = DataLoader(
        dataset,
        4,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=persistent,
        collate_fn=pseudo_collate,
        multiprocessing_context="fork" if workers else None,
    )
    found = []
    for batch in loader:
        found.append(pickle.dumps(batch))
        if len(found) == count:
            break
    return found


def test_before_the_first_round_all_samples_are_labelled_and_the_length_is_final(store):
    dataset = mixed(store)
    assert (len(dataset), dataset.round) == (10, None)
    assert not any(dataset[Draw(index, 0, 0)]["pseudo"] for index in range(10))
    commit(store, 0)
    assert (len(dataset), dataset.round) == (10, 0)
    assert [dataset[Draw(index, 0, 0)]["pseudo"] for index in range(10)] == [False] * 6 + [True] * 4


def test_a_round_without_anybody_gives_its_places_to_labelled_samples(store):
    labelled = {
        "type": "mmselfhuman.PersonPoseDataset",
        "data_mode": "bottomup",
        "source": SyntheticPeople("source_train", num_images=LABELLED, size=(SIZE, SIZE)),
    }
    pseudo = {
        "type": "PersonPoseDataset",
        "data_mode": "bottomup",
        "filter_cfg": {"filter_empty_gt": True},
        "source": {"type": "PseudoLabels", "store": str(store.root)},
    }
    dataset = PseudoLabelDataset(labelled, pseudo, ratio=0.4)
    commit(store, 1, persons=())
    assert dataset.round == 1
    assert all(dataset[Draw(index, 0, 0)]["rendered"] for index in range(len(dataset)))


def test_pseudo_labelled_places_go_through_the_whole_round_before_they_repeat(store):
    commit(store, 0, frames=7)
    dataset = mixed(store)
    drawn = [dataset[Draw(index, 3, cycle)]["name"] for cycle in range(14) for index in range(6, 10)]
    assert [len(set(drawn[start : start + 7])) for start in range(0, 56, 7)] == [7] * 8
    assert drawn[:7] != drawn[7:14]


def test_classes_and_metainfo_are_those_of_the_labelled_dataset(store):
    dataset = mixed(store)
    assert dataset.metainfo["classes"] == ("background", "person")
    commit(store, 0, value=3)
    with pytest.raises(ValueError, match="has class 3, but classes are \\('background', 'person'\\)"):
        dataset[Draw(9, 0, 0)]


def test_unsure_pixels_reach_the_label_map(store):
    commit(store, 0, value=UNSURE)
    assert mixed(store)[Draw(9, 0, 0)]["sum"] == 255 * SIZE * SIZE


def test_unconfident_pixels_become_unsure_on_request(store):
    confidence = np.full((SIZE, SIZE), 255, np.uint8)
    confidence[:2] = 102
    commit(store, 0, confidence=confidence)
    source = {"type": "PseudoLabels", "store": str(store.root)}
    assert mixed(store, source={**source, "min_confidence": 0.5})[Draw(9, 0, 0)]["sum"] == SIZE * (2 * 255 + SIZE - 2)
    assert mixed(store, source={**source, "min_confidence": 0.4})[Draw(9, 0, 0)]["sum"] == SIZE * SIZE


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_depend_on_seed_and_epoch_only(store, workers):
    commit(store, 0)
    dataset = mixed(store)

    def epoch(number, seed=5, **options):
        sampler = EpochDraws(dataset, seed=seed)
        sampler.set_epoch(number)
        torch.manual_seed(np.random.default_rng().integers(1 << 30))
        return batches(dataset, sampler, **options)

    reference = epoch(2)
    assert epoch(2, workers=workers) == reference
    assert epoch(1) != reference
    assert epoch(2, seed=6) != reference


def test_run_resumed_at_any_iteration_sees_what_the_uninterrupted_one_sees(store):
    commit(store, 0)
    dataset = mixed(store)
    whole = batches(dataset, EndlessDraws(dataset, seed=1), 9)
    assert len(set(whole)) == 9
    for start in (1, 4, 7):
        sampler = EndlessDraws(dataset, seed=1)
        sampler.skip(4 * start)
        assert batches(dataset, sampler, 9 - start, workers=2 if start == 4 else 0) == whole[start:]


def test_augmentation_leaves_the_generators_as_they_were(store):
    import random

    dataset = mixed(store)

    def states():
        numpy = np.random.get_state()  # noqa: NPY002
        return random.getstate(), numpy[1].tolist(), numpy[2:], torch.get_rng_state().tolist()

    before = states()
    dataset[Draw(0, 0, 0)]
    assert states() == before


def test_persistent_workers_notice_new_rounds_and_withdrawn_ones(store):
    dataset = mixed(store)
    sampler = EpochDraws(dataset, seed=0)
    loader = DataLoader(
        dataset,
        2,
        sampler=sampler,
        num_workers=2,
        persistent_workers=True,
        collate_fn=list,
        multiprocessing_context="fork",
    )

    def sums():
        return Counter(sample["sum"] for batch in loader for sample in batch if sample["pseudo"])

    assert sums() == {}
    commit(store, 0, value=0)
    assert sums() == {0: 4}
    commit(store, 1, value=1)
    assert sums() == {SIZE * SIZE: 4}
    commit(store, 1, value=UNSURE, provenance={"weights": "others"})
    assert sums() == {255 * SIZE * SIZE: 4}
    store.prune(1)
    assert sums() == {255 * SIZE * SIZE: 4}
    store.rewind(None)
    assert sums() == {}


def test_places_give_any_sample_with_a_sampler_that_does_not_number_its_draws(store):
    commit(store, 0, frames=3)
    dataset = mixed(store)
    assert {dataset[9]["name"] for _ in range(50)} == {dataset.get_data_info(9)["file_name"] for _ in range(50)}
    assert not dataset[0]["pseudo"]


def test_draw_survives_pickling_and_is_an_index():
    draw = pickle.loads(pickle.dumps(Draw(4, 7, 2)))
    assert (draw, draw.seed, draw.cycle, [10, 11, 12, 13, 14][draw]) == (4, 7, 2, 14)


def test_processes_share_the_draws_between_them(store, monkeypatch):
    dataset = mixed(store)
    single = EndlessDraws(dataset, seed=3)
    expected = [(int(draw), draw.cycle) for draw, _ in zip(single, range(40), strict=False)]
    shares = []
    for rank in range(2):
        monkeypatch.setattr("mmselfhuman.datasets.pseudo_labels.draws.get_dist_info", lambda rank=rank: (rank, 2))
        shares.append(
            [(int(draw), draw.cycle) for draw, _ in zip(EndlessDraws(dataset, seed=3), range(20), strict=False)]
        )
    assert [draw for pair in zip(*shares, strict=True) for draw in pair] == expected


def test_order_without_shuffling_is_that_of_the_dataset(store):
    dataset = mixed(store)
    draws = zip(EndlessDraws(dataset, shuffle=False, seed=0), range(12), strict=False)
    assert [(int(draw), draw.cycle) for draw, _ in draws] == [(i, 0) for i in range(10)] + [(0, 1), (1, 1)]


def test_damaged_labels_are_an_error_that_names_the_file(store):
    commit(store, 0)
    [path] = store.root.rglob("*.zip")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(PseudoLabelError, match=r"clip\.zip is damaged"):
        mixed(store)[Draw(9, 0, 0)]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"ratio": 1.0}, ValueError, "ratio is 1.0, expected the share"),
        ({"source": {"type": "PseudoLabels"}}, ValueError, "pseudo needs source"),
        ({"type": "PersonsegDataset"}, KeyError, "'PersonsegDataset', which is no registered dataset"),
    ],
)
def test_wrong_settings_are_named_at_once(store, change, error, message):
    with pytest.raises(error, match=message):
        mixed(store, **change)


def test_index_out_of_range_ends_iteration(store):
    dataset = mixed(store)
    assert len(list(dataset)) == 10
    assert dataset[-10]["name"] == dataset[0]["name"]
    with pytest.raises(IndexError, match="has 10 samples, asked for number 10"):
        dataset[10]


def test_other_classes_are_refused(store):
    commit(store, 0)
    labelled = DATASETS.build(
        {
            "type": "mmselfhuman.PersonInstanceDataset",
            "source": SyntheticPeople("source_train", num_images=2, size=(SIZE, SIZE)),
            "metainfo": {"classes": ("dog", "person")},
        }
    )
    pseudo = {"type": "PersonInstanceDataset", "source": {"type": "PseudoLabels", "store": str(store.root)}}
    with pytest.raises(ValueError, match="classes \\('person',\\), the labelled dataset has \\('dog', 'person'\\)"):
        PseudoLabelDataset(labelled, pseudo)[Draw(3, 0, 0)]
