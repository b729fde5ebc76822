"""The Pose Module's loss against independent formulations, and its head on images of 0, 1, 2 and 7 persons."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("mmpose", reason="the Pose Module needs mmpose")

from mmengine.structures import InstanceData, PixelData
from mmpose.models.losses import AssociativeEmbeddingLoss as MMPoseLoss
from mmpose.registry import MODELS as MMPOSE_MODELS
from mmpose.structures import PoseDataSample

from mmselfhuman.models.pose.associative_embedding import pull_and_push
from mmselfhuman.models.pose.codec import AssociativeEmbedding
from mmselfhuman.models.pose.head import AssociativeEmbeddingHead
from mmselfhuman.structures import MIRRORED

JOINTS, SIDE = 17, 12


def random_batch(persons: list[int], tag_dim: int, seed: int, labelled_share: float = 0.7):
    generator = torch.Generator().manual_seed(seed)
    tags = torch.randn(len(persons), tag_dim * JOINTS, SIDE, SIDE, generator=generator, dtype=torch.float64)
    indices = []
    for count in persons:
        places = torch.randint(SIDE * SIDE, (count, JOINTS), generator=generator)
        labelled = torch.rand(count, JOINTS, generator=generator) < labelled_share
        indices.append(torch.stack([places, labelled.long()], dim=-1))
    return tags, indices


def pull_and_push_by_loops(tags: torch.Tensor, joint_indices: list[torch.Tensor]) -> tuple[float, float]:
    """The docstring's formula, joint by joint in plain Python."""
    tag_dim, width = tags.shape[1] // JOINTS, tags.shape[3]
    pulls, pushes = [], []
    for image, indices in zip(tags.tolist(), joint_indices, strict=True):
        means, pull = [], 0.0
        for person in indices.tolist():
            values = [
                [image[number * JOINTS + joint][place // width][place % width] for number in range(tag_dim)]
                for joint, (place, labelled) in enumerate(person)
                if labelled
            ]
            if values:
                mean = [sum(column) / len(values) for column in zip(*values, strict=True)]
                means.append(mean)
                squares = [(v - m) ** 2 for value in values for v, m in zip(value, mean, strict=True)]
                pull += sum(squares) / len(squares)
        pairs = [(a, b) for i, a in enumerate(means) for j, b in enumerate(means) if i != j]
        pulls.append(pull / len(means) if means else 0.0)
        push = sum(math.exp(-((x - y) ** 2)) for a, b in pairs for x, y in zip(a, b, strict=True))
        pushes.append(push / len(pairs) if pairs else 0.0)
    return sum(pulls) / len(pulls), sum(pushes) / len(pushes)


@settings(max_examples=30, deadline=None)
@given(
    persons=st.lists(st.sampled_from([0, 1, 2, 7]), min_size=1, max_size=4),
    tag_dim=st.sampled_from([1, 2]),
    share=st.sampled_from([0.0, 0.1, 0.7, 1.0]),
    seed=st.integers(0, 2**31),
)
def test_pull_and_push_equal_the_formula_evaluated_by_loops(persons, tag_dim, share, seed):
    tags, indices = random_batch(persons, tag_dim, seed, share)
    pull, push = pull_and_push(tags, indices)
    expected_pull, expected_push = pull_and_push_by_loops(tags, indices)
    assert pull.item() == pytest.approx(expected_pull, abs=1e-6)
    assert push.item() == pytest.approx(expected_push, abs=1e-6)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_gradients_equal_those_of_mmpose_for_one_image(count):
    tags, indices = random_batch([count], tag_dim=1, seed=count)
    ours, theirs = tags.clone().requires_grad_(), tags.clone().requires_grad_()
    pull, push = pull_and_push(ours, indices)
    (pull + 0.5 * push).backward()
    sum(MMPoseLoss(loss_weight=1.0, push_loss_factor=0.5)(theirs, indices)).backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-7)


def test_an_unlabelled_joint_may_lie_outside_the_heatmap():
    tags, indices = random_batch([2], tag_dim=1, seed=0)
    outside = indices[0].clone()
    outside[..., 0] = outside[..., 0].where(outside[..., 1] > 0, -5000)
    assert pull_and_push(tags, [outside]) == pull_and_push(tags, indices)


def test_tags_and_indices_of_different_batches_are_refused():
    tags, indices = random_batch([2, 1], tag_dim=1, seed=0)
    with pytest.raises(ValueError, match=r"tags are \(2, 17, 12, 12\)"):
        pull_and_push(tags, indices[:1])


def head_config(**kwargs) -> dict:
    codec = {
        "type": "mmselfhuman.AssociativeEmbedding",
        "input_size": (32, 32),
        "heatmap_size": (32, 32),
        "decode_keypoint_order": list(range(JOINTS)),
        "decode_center_shift": 0.5,
    }
    return {"in_channels": 8, "num_keypoints": JOINTS, "deconv_out_channels": None, "decoder": codec, **kwargs}


def sample_of(count: int) -> PoseDataSample:
    sample = PoseDataSample(metainfo={"img_shape": (32, 32)})
    sample.gt_fields = PixelData(heatmaps=torch.rand(JOINTS, 8, 8), heatmap_mask=torch.ones(1, 8, 8))
    indices = torch.stack([torch.randint(64, (count, JOINTS)), torch.ones(count, JOINTS, dtype=torch.long)], dim=-1)
    sample.gt_instance_labels = InstanceData(keypoint_indices=indices)
    return sample


@pytest.mark.parametrize("counts", [[0], [1], [2, 0], [7, 1, 2], [0, 0]])
def test_the_head_trains_on_images_of_any_number_of_persons(counts):
    torch.manual_seed(0)
    head = AssociativeEmbeddingHead(**head_config())
    losses = head.loss((torch.randn(len(counts), 8, 8, 8),), [sample_of(count) for count in counts])
    assert set(losses) == {"loss_kpt", "loss_pull", "loss_push"}
    sum(losses.values()).backward()
    gradient = head.final_layer.weight.grad
    assert gradient.isfinite().all()
    assert gradient[:JOINTS].any()
    assert bool(gradient[JOINTS:].any()) == (sum(counts) > 0)


def test_pixels_under_the_mask_do_not_count():
    torch.manual_seed(0)
    head = AssociativeEmbeddingHead(**head_config())
    features, sample = (torch.randn(1, 8, 8, 8),), sample_of(2)
    sample.gt_fields.heatmap_mask[:, :, 4:] = 0
    before = head.loss(features, [sample])["loss_kpt"]
    sample.gt_fields.heatmaps[:, :, 4:] += 100
    assert head.loss(features, [sample])["loss_kpt"] == before


def test_one_tag_for_all_joints_is_the_tag_of_every_joint():
    torch.manual_seed(0)
    shared = AssociativeEmbeddingHead(**head_config(tag_per_keypoint=False, tag_dim=2))
    features, sample = (torch.randn(1, 8, 8, 8),), sample_of(3)
    tags = shared.forward(features)[1]
    losses = shared.loss(features, [sample])
    spread = torch.stack([tags[:, number] for number in (0, 1) for _ in range(JOINTS)], dim=1)
    pull, push = pull_and_push_by_loops(spread, [sample.gt_instance_labels.keypoint_indices])
    assert losses["loss_pull"].item() == pytest.approx(1e-3 * pull, rel=1e-4)
    assert losses["loss_push"].item() == pytest.approx(5e-4 * push, rel=1e-4)


def test_parameters_have_the_names_of_mmpose():
    theirs = MMPOSE_MODELS.build(
        {**head_config(), "decoder": None, "type": "mmpose.AssociativeEmbeddingHead"}
    ).state_dict()
    ours = AssociativeEmbeddingHead(**head_config()).state_dict()
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}


def test_decoding_finds_both_persons_and_invents_no_joint():
    codec = AssociativeEmbedding(
        input_size=(64, 64), heatmap_size=(64, 64), sigma=1.5, decode_keypoint_order=list(range(JOINTS))
    )
    heatmaps, tags = torch.zeros(1, JOINTS, 64, 64), torch.zeros(1, JOINTS, 64, 64)
    heatmaps += 0.01 * torch.rand(heatmaps.shape, generator=torch.Generator().manual_seed(0))
    seen = {0: range(JOINTS), 1: range(5, JOINTS)}
    for person, joints in seen.items():
        for joint in joints:
            heatmaps[0, joint, 3 * joint + 2, 10 + 40 * person] = 1.0
            tags[0, joint, 3 * joint + 2, 10 + 40 * person] = 5.0 * person
    keypoints, scores, _ = codec.batch_decode(heatmaps, tags)
    for person, joints in seen.items():
        found = min(range(2), key=lambda n: abs(keypoints[0][n, 10, 0] - (10 + 40 * person)))
        assert [k for k in range(JOINTS) if scores[0][found, k] > 0] == list(joints)
        for joint in joints:
            assert keypoints[0][found, joint] == pytest.approx([10 + 40 * person, 3 * joint + 2], abs=0.5)


def test_tags_begin_as_positions_that_span_the_image():
    head = AssociativeEmbeddingHead(**head_config(tag_dim=2, tag_span=10.0))
    torch.nn.init.zeros_(head.final_layer.weight)
    torch.nn.init.zeros_(head.final_layer.bias)
    tags = head.forward((torch.randn(2, 8, 5, 11),))[1].view(2, 2, JOINTS, 5, 11)
    for column in range(11):
        assert tags[:, 0, :, :, column].unique().tolist() == [column]
    for row in range(5):
        assert tags[:, 1, :, row].unique().tolist() == [2.5 * row]


@pytest.mark.parametrize("maps_in", [list, tuple])
def test_with_flip_test_the_mirrored_image_has_the_mirrored_heatmaps(maps_in):
    torch.manual_seed(0)
    head = AssociativeEmbeddingHead(**head_config(tag_dim=2, tag_span=10.0)).eval()
    images = torch.randn(2, 8, 16, 16).contiguous(memory_format=torch.channels_last)
    sample = PoseDataSample(metainfo={"img_shape": (16, 16), "flip_indices": list(MIRRORED)})
    settings = {"flip_test": True, "output_heatmaps": True}

    def heatmaps(features: torch.Tensor) -> torch.Tensor:
        features = [maps_in([features]), maps_in([features.flip(-1)])]
        return torch.stack([field.heatmaps for field in head.predict(features, [sample] * 2, settings)[1]])

    with torch.no_grad():
        upright, mirrored, once = heatmaps(images), heatmaps(images.flip(-1)), head.forward((images,))[0]
    assert not torch.allclose(upright, once, atol=0.1)
    torch.testing.assert_close(mirrored, upright.flip(-1)[:, list(MIRRORED)])


@pytest.mark.parametrize(("distance", "persons"), [(0.9, 1), (1.1, 2)])
@pytest.mark.parametrize("flipped", [False, True])
def test_the_same_tags_part_the_same_persons_with_and_without_flip_test(distance, persons, flipped):
    head = AssociativeEmbeddingHead(**head_config(tag_dim=2, tag_span=10.0))
    heatmaps, tags = torch.zeros(1, JOINTS, 32, 32), torch.zeros(1, 2 * JOINTS, 32, 32)
    for joint in range(2):  # one joint of a person here, another there
        heatmaps[0, joint, 5, 9] = 1.0
        tags[0, [joint, JOINTS + joint]] = distance * joint / 2**0.5
    (found,) = head.decode((heatmaps, torch.cat([tags, 10 - tags], dim=1) if flipped else tags))
    assert len(found.keypoints) == persons
