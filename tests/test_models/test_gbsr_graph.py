import numpy as np
import pytest
import torch
from gbsr_toys import person
from torch import nn

from mmselfhuman.models.gbsr.features import FourteenConvolutions
from mmselfhuman.models.gbsr.graph import Appearance, AppearanceCrops, connections, crop, crop_sides, head_sizes
from mmselfhuman.structures import JOINT_INDEX, LIMBS


def without(*names: str) -> np.ndarray:
    pose = person(50)
    pose[[JOINT_INDEX[name] for name in names], 2] = 0
    return pose


def test_a_whole_person_has_all_limbs():
    matrix = connections(person(50))
    assert {(a, b) for a, b in zip(*np.nonzero(np.triu(matrix)), strict=True)} == {
        tuple(sorted(limb)) for limb in LIMBS
    }
    assert (matrix == matrix.T).all()


def test_connections_vanish_with_their_joint():
    matrix = connections(without("left_knee"))
    assert not matrix[JOINT_INDEX["left_knee"]].any()
    assert matrix.sum() == 2 * (len(LIMBS) - 2)


def test_head_size_is_the_distance_from_mid_shoulder_to_nose():
    assert head_sizes(person(50)) == 14


@pytest.mark.parametrize("missing", ["nose", "left_shoulder", "right_shoulder"])
def test_head_size_falls_back_on_the_persons_extent(missing):
    assert head_sizes(without(missing)) == pytest.approx(0.15 * 101)


def test_head_size_of_a_head_from_above_is_half_the_expected_one():
    pose = person(50)
    pose[0, 1] = pose[5, 1]
    assert head_sizes(pose) == pytest.approx(0.15 * 101 / 2)


def test_a_pose_without_joints_has_the_smallest_head():
    assert head_sizes(np.zeros((2, 17, 3))).tolist() == [2, 2]


def test_crops_are_two_head_sizes_and_shrink_with_visibility():
    visibility = np.zeros((1, 17))
    visibility[0, :2] = 1, 0.5
    sides = crop_sides(np.array([10.0]), visibility)
    assert crop_sides(np.array([10.0])).tolist() == [[20.0] * 17]
    assert sides[0, :3].tolist() == [20, 15, 10]


def test_a_crop_samples_the_middles_of_its_parts():
    columns = torch.arange(10.0).expand(1, 8, 10)
    cut = crop(columns, torch.tensor([[4.0, 3.0]]), torch.tensor([2.0]), 2, (8, 10))
    torch.testing.assert_close(cut, torch.tensor([[[[3.5, 4.5], [3.5, 4.5]]]]))


def test_a_crop_of_a_feature_map_is_taken_at_the_same_place_of_the_image():
    coarse = torch.zeros(1, 4, 5)
    coarse[0, 1, 2] = 1  # covers the pixels x 4-5, y 2-3, whose middle is (4.5, 2.5)
    cut = crop(coarse, torch.tensor([[4.5, 2.5]]), torch.tensor([1.0]), 1, (8, 10))
    torch.testing.assert_close(cut.flatten(), torch.ones(1))


def test_crops_outside_the_image_continue_its_border():
    cut = crop(torch.arange(4.0).expand(1, 4, 4), torch.tensor([[-50.0, 0.0]]), torch.tensor([4.0]), 2, (4, 4))
    assert cut.unique().tolist() == [0]


def test_node_features_hold_image_and_feature_crops_in_equal_shares():
    frame = Appearance(torch.ones(3, 20, 20), torch.full((5, 5, 5), 7.0))
    nodes = AppearanceCrops(2, 1)(frame, person(10)[None], np.full((1, 17), 4.0))
    assert nodes.shape == (1, 17, 3 * 4 + 5)
    torch.testing.assert_close(nodes[0, 0, :12].sum(), torch.tensor(1.0))
    torch.testing.assert_close(nodes[0, 0, 12:].sum(), torch.tensor(1.0))


def test_frames_without_persons_have_no_nodes():
    frame = Appearance(torch.ones(3, 20, 20), None)
    assert AppearanceCrops(2)(frame, np.zeros((0, 17, 3)), np.zeros((0, 17))).shape == (0, 17, 12)


def test_the_extractor_has_fourteen_convolutions_and_stride_four():
    network = FourteenConvolutions(width=4)
    assert sum(isinstance(layer, nn.Conv2d) for layer in network.modules()) == 14
    assert network(torch.rand(2, 3, 33, 40)).shape == (2, network.out_channels, 9, 10)


def test_the_extractors_weights_depend_on_the_seed_alone():
    torch.manual_seed(1)
    first = FourteenConvolutions(width=4)
    torch.manual_seed(2)
    for a, b in zip(first.parameters(), FourteenConvolutions(width=4).parameters(), strict=True):
        assert torch.equal(a, b)
    other = FourteenConvolutions(width=4, seed=1)
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


def test_extractors_are_built_by_name_and_any_backbone_serves():
    pytest.importorskip("mmseg")
    from mmselfhuman.registry import MODELS

    assert isinstance(MODELS.build({"type": "FourteenConvolutions", "width": 4}), FourteenConvolutions)
    backbone = {"type": "mmseg.ResNet", "depth": 18, "base_channels": 8, "out_indices": (0, 1), "strides": (1, 2, 2, 2)}
    features = MODELS.build({"type": "BackboneJointFeatures", "backbone": backbone, "out_index": 1}).eval()
    assert features(torch.rand(1, 3, 64, 64)).shape[2:] == (8, 8)
