"""The parts of ``configs/_base_`` as modules, for configs that inherit with ``read_base()``.

``_base_`` beside this file is a link to the folder of the same name in ``configs/``::

    from mmengine.config import read_base

    with read_base():
        from mmselfhuman.configs._base_.datasets.synthetic_seg import *
        from mmselfhuman.configs._base_.default_runtime import *
"""
