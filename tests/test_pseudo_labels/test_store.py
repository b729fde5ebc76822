"""What is written comes back, in rounds that exist entirely or not at all."""

import numpy as np

from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import UNSURE, PseudoLabel


def label(frame, height=5, width=7, **fields):
    image = np.full((height, width, 3), frame, np.uint8)
    return PseudoLabel(frame=frame, height=height, width=width, image=image, **fields)


def test_round_exists_only_when_it_is_committed(tmp_path):
    store = PseudoLabelStore(tmp_path, image_format="png", confidence_stride=1)
    assert store.latest_round() is None
    semantic = np.array([[0, 1, UNSURE, 3, 4, 5, 6]] * 5, np.uint8)
    writer = store.begin_round(1, {"model": "a"})
    writer.write_clip("day/one", [label(0), label(4, semantic=semantic)])
    assert writer.has("day/one")
    assert not writer.has("day/two")
    assert store.latest_round() is None
    writer.commit({"agreement": 0.5})
    assert store.latest_round() == 1
    reader = store.read(1)
    assert (len(reader), reader.clips, reader.summary) == (2, ("day/one",), {"agreement": 0.5})
    assert reader[1].semantic.tolist() == semantic.tolist()
    assert reader.verify() == []
