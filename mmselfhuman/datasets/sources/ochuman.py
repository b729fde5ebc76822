"""OCHuman's heavily occluded persons."""

from mmselfhuman.datasets.sources.coco_file import AnnotationFileError
from mmselfhuman.datasets.sources.coco_persons import COCOPersons
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import Person


@DATASETS.register_module()
class OCHuman(COCOPersons):
    """A :class:`~mmselfhuman.structures.PersonSource` over one of OCHuman's files in COCO format.

    The files are those of the official distribution or of ``tools/dataset_converters/ochuman2coco.py``. The latter
    carry MaxIoU, which cannot be computed from a COCO-format file: the partner may have been dropped.

    Args:
        ann_file: JSON file, relative to ``data_root``.
        data_root: Folder that ``ann_file`` and ``img_prefix`` are relative to.
        img_prefix: Folder of the images.
        max_iou_range: ``(low, high)``: keep persons with ``low <= MaxIoU < high``, drop the others and the images left
            without a person. Moderate is ``(0.5, 0.75)``, hard ``(0.75, 1)``. ``None`` keeps everyone in the file.
        check_images: Look for every image file now instead of on first use.
        backend_args: Passed to MMEngine's file backends.

    Raises:
        AnnotationFileError: With ``max_iou_range``, a person has no ``max_iou``; see also :class:`COCOPersons`.
    """

    name = "OCHuman"

    def __init__(
        self,
        ann_file: str,
        data_root: str = "",
        img_prefix: str = "",
        max_iou_range: tuple[float, float] | None = None,
        check_images: bool = False,
        backend_args: dict | None = None,
    ) -> None:
        self.max_iou_range = max_iou_range
        super().__init__(
            ann_file, data_root, img_prefix, person_filter="all", check_images=check_images, backend_args=backend_args
        )

    def keeps(self, person: Person) -> bool:
        """Whether a person's MaxIoU lies in ``max_iou_range``."""
        if self.max_iou_range is None:
            return True
        if person.max_iou is None:
            raise AnnotationFileError(
                f"{self.ann_file}: annotation {person.id} has no 'max_iou', which max_iou_range {self.max_iou_range} "
                "needs; write the file with tools/dataset_converters/ochuman2coco.py"
            )
        low, high = self.max_iou_range
        return low <= person.max_iou < high
