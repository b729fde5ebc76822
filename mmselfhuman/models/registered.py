"""Everything in this folder that configs can name. Importing an algorithm alone needs no OpenMMLab library."""

import mmselfhuman.models.flow.registered
import mmselfhuman.models.gbsr.registered
import mmselfhuman.models.tpr.registered
from mmselfhuman.ecosystem import is_available

if is_available("mmpose"):
    import mmselfhuman.models.pose.codec
    import mmselfhuman.models.pose.head
if is_available("mmseg"):
    import mmselfhuman.models.pose2seg.head
    import mmselfhuman.models.pose2seg.segmentor
if is_available("mmdet") and is_available("mmpose") and is_available("mmseg"):
    import mmselfhuman.models.detectors.given_poses
    import mmselfhuman.models.detectors.pose_module
    import mmselfhuman.models.detectors.seg_module
    import mmselfhuman.models.detectors.tta  # noqa: F401
