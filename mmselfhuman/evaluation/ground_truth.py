"""Which persons an evaluation has to find: ground truth read, filtered and divided into ranges of MaxIoU."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from mmengine import fileio

from mmselfhuman.datasets.converters import ochuman
from mmselfhuman.datasets.sources import AnnotationFileError, build_source, source_to_coco
from mmselfhuman.datasets.sources.coco_file import load_json, read_coco_file
from mmselfhuman.structures import NUM_JOINTS, PersonSource

MAX_IOU_RANGES: dict[str, tuple[float, float]] = dict(
    zip(("all", "moderate", "hard"), ochuman.MAX_IOU_RANGES, strict=True)
)
"""OCHuman's ranges of MaxIoU, half open: ``low <= MaxIoU < high``."""

RANGE_MODES: tuple[str, ...] = ("drop", "ignore")


@dataclass(frozen=True, eq=False)
class TruthSet:
    """One ground truth to score against.

    Attributes:
        images: COCO images (``id``, unique ``file_name``, ``height``, ``width``).
        annotations: COCO annotations of persons, ``category_id`` 1.
        ignored: Ids of annotations that do not count, neither when found nor when missed.
        origin: The file or source it comes from.
    """

    images: list[dict]
    annotations: list[dict]
    origin: str
    ignored: frozenset[int] = frozenset()

    @property
    def num_persons(self) -> int:
        """How many persons have to be found (crowds and ignored persons do not)."""
        return sum(not a.get("iscrowd", 0) and a["id"] not in self.ignored for a in self.annotations)

    @property
    def coco(self) -> dict:
        """A COCO data set of the one category 'person'."""
        return {
            "images": self.images,
            "annotations": self.annotations,
            "categories": [{"id": 1, "name": "person"}],
        }

    def only(self, keep: Callable[[dict], bool]) -> "TruthSet":
        """The annotations for which ``keep`` holds, and the images that still have one."""
        annotations = [annotation for annotation in self.annotations if keep(annotation)]
        used = {annotation["image_id"] for annotation in annotations}
        images = [image for image in self.images if image["id"] in used]
        return TruthSet(images, annotations, self.origin, self.ignored)

    def only_images(self, keep: Callable[[dict], bool]) -> "TruthSet":
        """The images for which ``keep`` holds, with their annotations."""
        images = [image for image in self.images if keep(image)]
        ids = {image["id"] for image in images}
        return TruthSet(images, [a for a in self.annotations if a["image_id"] in ids], self.origin, self.ignored)


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """All that one metric scores against.

    Attributes:
        sets: One ground truth for each evaluation, by the name of its range of MaxIoU; 'all' where there are no ranges.
        file_names: Every image of the files or the source, also those that are not evaluated.
    """

    sets: dict[str, TruthSet]
    file_names: tuple[str, ...]


def read_truth(ann_file: str, backend_args: dict | None = None, with_keypoints: bool = False) -> TruthSet:
    """Read a COCO-format file of persons.

    Args:
        ann_file: The JSON file. One without images and annotations is an empty truth, as a range file may be.
        backend_args: Passed to :func:`mmengine.fileio.get`.
        with_keypoints: Check that the file lists its joints in COCO's order.

    Raises:
        FileNotFoundError: There is no such file.
        AnnotationFileError: The file is malformed, has no category 'person', or has other joints.
    """
    try:
        file = read_coco_file(ann_file, backend_args)
    except AnnotationFileError:
        content = load_json(ann_file, backend_args)
        if content.get("images") == [] and content.get("annotations") == []:
            return TruthSet([], [], ann_file)
        raise
    if with_keypoints and file.joint_order() != list(range(NUM_JOINTS)):
        raise AnnotationFileError(
            f"{ann_file}: its joints are not COCO's 17 in COCO's order: {file.category['keypoints']}"
        )
    known = {image["id"] for image in file.images}
    for annotation in file.annotations:
        if annotation["image_id"] not in known:
            raise AnnotationFileError(
                f"{ann_file}: annotation {annotation['id']} is on image {annotation['image_id']}, "
                "which the file does not list"
            )
    return TruthSet(file.images, [{**annotation, "category_id": 1} for annotation in file.annotations], ann_file)


def truth_of_source(source: Mapping | PersonSource) -> TruthSet:
    """All persons of a source of labelled persons, or of the config of one."""
    built = build_source(source)
    coco = source_to_coco(built)
    return TruthSet(coco["images"], coco["annotations"], f"source {built.name}")


def is_pose2seg_person(annotation: dict) -> bool:
    """The rule of Pose2Seg's files: at least one labelled joint and a mask, and no crowd."""
    joints = annotation.get("keypoints") or ()
    return (
        any(v > 0 for v in joints[2::3]) and bool(annotation.get("segmentation")) and not annotation.get("iscrowd", 0)
    )


def by_max_iou(truth: TruthSet, mode: str) -> dict[str, TruthSet]:
    """Divide one ground truth that carries ``max_iou`` into OCHuman's ranges.

    Args:
        truth: Every annotation has a ``max_iou``.
        mode: 'drop' (official): persons out of range are removed, so that finding them is a mistake. 'ignore': they
            stay and do not count. The images are the same in both: those with a person in range.

    Raises:
        ValueError: An annotation has no ``max_iou``, or one outside [0, 1].
    """
    for annotation in truth.annotations:
        value = annotation.get("max_iou")
        if value is None:
            raise ValueError(
                f"{truth.origin}: annotation {annotation['id']} has no 'max_iou', without which it belongs to no range "
                "of MaxIoU (it cannot be computed from a COCO-format file); give the three range files, or a file "
                "written by tools/dataset_converters/ochuman2coco.py"
            )
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValueError(
                f"{truth.origin}: annotation {annotation['id']} has max_iou {value!r}; expected a number in [0, 1]"
            )
    in_range = {
        name: frozenset(a["id"] for a in truth.annotations if low <= a["max_iou"] < high)
        for name, (low, high) in MAX_IOU_RANGES.items()
    }
    return {name: _restricted(truth, ids, mode) for name, ids in in_range.items()}


def ignoring_others(truths: Mapping[str, TruthSet]) -> dict[str, TruthSet]:
    """Turn OCHuman's range files, which lack the persons out of range, into ground truths that ignore these persons.

    Args:
        truths: The content of the files by range; 'all' supplies the persons that the others lack.

    Raises:
        ValueError: 'all' is missing, or lacks a person of another range.
    """
    if "all" not in truths:
        raise ValueError(f"range_mode 'ignore' needs the range 'all', which has everybody; given are {list(truths)}")
    everybody = truths["all"]
    ids = dict(zip(_identities(everybody), (a["id"] for a in everybody.annotations), strict=True))
    result = {}
    for name, truth in truths.items():
        identities = _identities(truth)
        for annotation, identity in zip(truth.annotations, identities, strict=True):
            if identity not in ids:
                raise ValueError(
                    f"annotation {annotation['id']} of {truth.origin} is not among the persons of {everybody.origin}"
                )
        result[name] = _restricted(everybody, frozenset(ids[identity] for identity in identities), "ignore")
    return result


def only_fully_labelled(truth: TruthSet, file_names: Collection[str] | None = None) -> TruthSet:
    """The images in which every person box has a mask.

    Args:
        truth: Its images say so in ``fully_labelled``, unless ``file_names`` does.
        file_names: The fully labelled images.

    Raises:
        ValueError: An image says nothing.
    """
    if file_names is None:
        silent = next((image for image in truth.images if "fully_labelled" not in image), None)
        if silent is not None:
            raise ValueError(
                f"{truth.origin}: image {silent['file_name']!r} does not say whether it is 'fully_labelled', and no "
                "file of such images lies beside; set fully_labelled to a file that lists them, such as "
                "tools/dataset_converters/ochuman2coco.py writes"
            )
        return truth.only_images(lambda image: image["fully_labelled"])
    listed = set(file_names)
    return truth.only_images(lambda image: image["file_name"] in listed)


def read_image_list(path: str, backend_args: dict | None = None) -> list[str]:
    """The file names in a text file, one a line, or of the images of a COCO-format ``.json``.

    Raises:
        FileNotFoundError: There is no such file.
        AnnotationFileError: A ``.json`` has no list of images.
    """
    if not path.endswith(".json"):
        text = fileio.get_text(path, backend_args=backend_args)
        return [line.strip() for line in text.splitlines() if line.strip()]
    images = load_json(path, backend_args).get("images")
    if not isinstance(images, list) or not all(isinstance(i, dict) and "file_name" in i for i in images):
        raise AnnotationFileError(f"{path}: 'images' is no list of images with a 'file_name'")
    return [image["file_name"] for image in images]


def _restricted(truth: TruthSet, in_range: frozenset[int], mode: str) -> TruthSet:
    dropped = truth.only(lambda a: a["id"] in in_range)
    if mode == "drop":
        return dropped
    images = {image["id"] for image in dropped.images}
    kept = truth.only_images(lambda image: image["id"] in images)
    return TruthSet(
        kept.images, kept.annotations, truth.origin, frozenset(a["id"] for a in kept.annotations) - in_range
    )


def _identities(truth: TruthSet) -> list[tuple]:
    """What each person is recognised by across files in which ids are renumbered."""
    file_names = {image["id"]: image["file_name"] for image in truth.images}
    return [
        (file_names[a["image_id"]], tuple(a["bbox"]), tuple(a.get("keypoints", ())), str(a.get("segmentation")))
        for a in truth.annotations
    ]
