# The paper's Seg Module with LIP's 20 classes: human parsing.
_base_ = [
    '../_base_/models/deeplabv3plus_xception71.py', '../_base_/datasets/lip_parsing.py',
    '../_base_/schedules/sgd_poly_30e.py', '../_base_/default_runtime.py'
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    decode_head=dict(num_classes=20))
