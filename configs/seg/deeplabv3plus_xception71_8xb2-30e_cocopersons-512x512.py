# The paper's Seg Module.
_base_ = [
    '../_base_/models/deeplabv3plus_xception71.py', '../_base_/datasets/cocopersons_seg.py',
    '../_base_/schedules/sgd_poly_30e.py', '../_base_/default_runtime.py'
]
