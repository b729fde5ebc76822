"""What the datasets of labelled persons have in common."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from logging import WARNING
from typing import Any, ClassVar

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmselfhuman.datasets.images import DamagedImageError
from mmselfhuman.datasets.sources import build_source
from mmselfhuman.structures import PersonImage, PersonSource


class NoSamplesError(ValueError):
    """No image of a source gives a sample."""


class PersonDataset(BaseDataset):
    """Samples of one MM library, made from any :class:`~mmselfhuman.structures.PersonSource`.

    It stands on MMEngine alone, so that a user of one library need not install the others. The data list holds
    indices into the source; a sample is made when it is asked for. Each has ``img_path`` (for a rendered image: its
    file name), ``img_id``, ``file_name``, ``height``, ``width``, ``source_index`` and ``rendered``; a rendered image
    comes along as ``img``.

    A damaged image is skipped in training: it is counted in :attr:`damaged_images`, named in the log, and another
    sample is drawn. In test mode it is an error. A missing image always is.

    Args:
        source: A source, or the config of one (see :func:`~mmselfhuman.datasets.sources.build_source`).
        pipeline: Transforms or their configs; ``LoadPersonImage`` comes first.
        metainfo: Overrides entries of ``METAINFO``.
        filter_cfg: Rules of ``FILTER_RULES`` by which samples are left out of training.
        indices: Use only the first that many samples, or those listed.
        serialize_data: See :class:`mmengine.dataset.BaseDataset`.
        test_mode: Evaluate rather than train.
        lazy_init: Do not build the source before the first sample is asked for.
        max_refetch: How many damaged images in a row to bear in training.

    Attributes:
        damaged_images: What was wrong with each damaged image that this process met, by ``img_path``.
    """

    FILTER_RULES: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        source: Mapping | PersonSource,
        pipeline: Sequence[dict | Callable] = (),
        metainfo: Mapping | None = None,
        filter_cfg: dict | None = None,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        test_mode: bool = False,
        lazy_init: bool = False,
        max_refetch: int = 1000,
    ) -> None:
        self._source_or_config = source
        self.damaged_images: dict[str, str] = {}
        super().__init__(
            metainfo=metainfo,
            data_prefix={},
            filter_cfg=filter_cfg,
            indices=indices,
            serialize_data=serialize_data,
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )

    @property
    def source(self) -> PersonSource:
        """The source, built on first use."""
        self._source_or_config = build_source(self._source_or_config)
        return self._source_or_config

    @abstractmethod
    def describe(self, item: PersonImage, entry: dict) -> dict:
        """What the library wants to know about a sample, beyond what all samples have.

        Args:
            item: The sample's image and persons.
            entry: The sample's entry of the data list.
        """

    def load_data_list(self) -> list[dict]:
        """One entry per image of the source."""
        return [{"source_index": index} for index in range(len(self.source))]

    def passes(self, item: PersonImage) -> bool:
        """Whether an image is left in training; a subclass takes its ``FILTER_RULES`` as keyword arguments."""
        return True

    def filter_data(self) -> list[dict]:
        """The entries that :attr:`filter_cfg` leaves; in test mode all.

        Raises:
            ValueError: It has a rule that this dataset does not know.
            NoSamplesError: There is no entry.
        """
        rules = self.filter_cfg or {}
        unknown = sorted(rules.keys() - self.FILTER_RULES)
        if unknown:
            raise ValueError(f"filter_cfg has {unknown}, expected some of {sorted(self.FILTER_RULES)}")
        if rules and not self.test_mode:
            self.data_list = [e for e in self.data_list if self.passes(self.source[e["source_index"]], **rules)]
        if not self.data_list:
            count, source = len(self.source), self.source.name
            raise NoSamplesError(
                f"{type(self).__name__}: none of the {count} images of source '{source}' gives a sample"
            )
        return self.data_list

    def get_data_info(self, idx: int) -> dict:
        """Everything about a sample but its pixels."""
        entry = super().get_data_info(idx)
        item = self.source[entry["source_index"]]
        return {
            **entry,
            "img_path": item.file_name if item.path is None else item.path,
            "img_id": item.id,
            "file_name": item.file_name,
            "height": item.height,
            "width": item.width,
            "rendered": item.path is None,
            **self.describe(item, entry),
        }

    def prepare_data(self, idx: int) -> Any:
        """A sample through the pipeline; ``None`` if its image is damaged and another may be drawn instead."""
        return self.run_pipeline(self.get_data_info(idx))

    def run_pipeline(self, info: dict) -> Any:
        """What :meth:`get_data_info` gave, through the pipeline."""
        try:
            if info["rendered"]:
                info["img"] = self.source.image(info["source_index"])
            return self.pipeline(info)
        except DamagedImageError as error:
            if self.test_mode:
                raise
            self._note_damage(info["img_path"], str(error))
            return None

    def _note_damage(self, path: str, message: str) -> None:
        if path not in self.damaged_images:
            self.damaged_images[path] = message
            count = len(self.damaged_images)
            print_log(f"{type(self).__name__}: skipped, {message} (damaged images so far: {count})", "current", WARNING)
