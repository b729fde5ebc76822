from mmselfhuman.visualization.annotated import Annotated
from mmselfhuman.visualization.flow import flow_to_colour, flow_wheel
from mmselfhuman.visualization.overlays import draw_boxes, draw_masks, draw_skeletons
from mmselfhuman.visualization.palette import person_colour
from mmselfhuman.visualization.sheets import contact_sheet
from mmselfhuman.visualization.writers import write_image, write_video

__all__ = [
    "Annotated",
    "contact_sheet",
    "draw_boxes",
    "draw_masks",
    "draw_skeletons",
    "flow_to_colour",
    "flow_wheel",
    "person_colour",
    "write_image",
    "write_video",
]
