"""From a skeleton to flat parts in the picture: where each lies, what is in front, and where the 17 joints are."""

from dataclasses import dataclass

import numpy as np

from mmselfhuman.datasets.synthetic import kinematics as body
from mmselfhuman.datasets.synthetic.camera import Camera
from mmselfhuman.datasets.synthetic.kinematics import Skeleton
from mmselfhuman.structures import JOINT_INDEX, NUM_JOINTS

_SIDED = ("left", "right")
_TURNED_AWAY = 0.75
"""Sine of the body's turn beyond which the far shoulder and hip are behind the trunk."""

SHOWN_BY: tuple[tuple[str, ...], ...] = (
    ("nose", "face", "head"),
    *((f"eye_{side}", "face", "head") for side in _SIDED),
    *((f"ear_{side}", "face", "head", "hair", "cap") for side in _SIDED),
    *((f"upper_arm_{side}", "trunk", "front") for side in _SIDED),
    *((f"upper_arm_{side}", f"forearm_{side}") for side in _SIDED),
    *((f"forearm_{side}", f"hand_{side}") for side in _SIDED),
    *((f"thigh_{side}", "pelvis", "trunk", "skirt") for side in _SIDED),
    *((f"thigh_{side}", f"shin_{side}", "skirt") for side in _SIDED),
    *((f"shin_{side}", f"foot_{side}") for side in _SIDED),
)
"""For each COCO joint the parts of its own body that show rather than hide it."""


@dataclass
class Part:
    """Place of one part of P persons in F frames.

    Attributes:
        origin, axis, width: ``(F, P, 2)`` as :func:`sprites.place` takes them, in pixels.
        near: ``(F, P)``, towards the viewer, in adult statures.
        shown: ``(F, P)`` bool, or True.
    """

    origin: np.ndarray
    axis: np.ndarray
    width: np.ndarray
    near: np.ndarray
    shown: np.ndarray | bool = True


@dataclass
class Figure:
    """P persons in F frames.

    Attributes:
        parts: Places by part name.
        joints: ``(F, P, 17, 2)`` pixels (x, y), COCO order.
        joint_near: ``(F, P, 17)``.
        turned_to: ``(F, P, 17)`` bool: the joint is on the side of the body that the viewer sees.
    """

    parts: dict[str, Part]
    joints: np.ndarray
    joint_near: np.ndarray
    turned_to: np.ndarray


def _unit(vector: np.ndarray, otherwise: tuple[float, float]) -> np.ndarray:
    length = np.sqrt((vector * vector).sum(-1, keepdims=True))
    return np.where(length > 1e-6, vector / np.maximum(length, 1e-6), np.array(otherwise))


def _widen(array: np.ndarray, extra: int) -> np.ndarray:
    """Insert axes behind the first two (or behind all of a ``(P,)`` array), so that per-person values meet several
    points per person."""
    if array.ndim == 1:
        return array.reshape(*array.shape, *[1] * extra)
    return array.reshape(*array.shape[:2], *[1] * extra, *array.shape[2:])


def _across(direction: np.ndarray) -> np.ndarray:
    """A quarter turn: to the right of an axis that points up."""
    return np.stack([-direction[..., 1], direction[..., 0]], -1)


class FigureMaker:
    """Places the parts.

    Args:
        skeleton: Joints in statures, ``(F, P, 3)`` each.
        camera: Of the F frames.
        roots: ``(F, P, 3)`` where the persons stand in the world; y is 0 unless they stand on something.
        stature, girth, head: ``(P,)`` of the persons' builds.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        camera: Camera,
        roots: np.ndarray,
        stature: np.ndarray,
        girth: np.ndarray,
        head: np.ndarray,
    ) -> None:
        self._skeleton, self._camera = skeleton, camera
        self._base, self._base_near = camera.root(roots)
        self._pixels = (camera.depth_scale(roots[..., 2]) * stature)[..., None]
        self._stature, self._girth, self._head = stature, girth, head
        shape = (*roots.shape[:2], NUM_JOINTS)
        self.figure = Figure({}, np.zeros((*shape, 2)), np.zeros(shape), np.ones(shape, bool))
        self._trunk()
        self._arms()
        self._legs()
        self._head_and_face()

    def _project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels ``(F, P, ..., 2)`` and nearness ``(F, P, ...)`` of points ``(F, P, ..., 3)`` of the skeletons."""
        flat, near = self._camera.turned(points)
        extra = points.ndim - 3
        base, pixels = _widen(self._base, extra), _widen(self._pixels, extra)
        near_base, stature = self._base_near, self._stature
        for _ in range(extra):
            near_base, stature = near_base[..., None], stature[..., None]
        return base + flat * pixels, near_base + near * stature

    def _joint(self, name: str, place: np.ndarray, near: np.ndarray, turned: np.ndarray | bool = True) -> None:
        index = JOINT_INDEX[name]
        self.figure.joints[:, :, index], self.figure.joint_near[:, :, index] = place, near
        self.figure.turned_to[:, :, index] = turned

    def _bone(
        self,
        start: np.ndarray,
        end: np.ndarray,
        length: np.ndarray | float,
        margin: np.ndarray | float,
        wide: np.ndarray,
        flip: np.ndarray | int = 1,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Stretch parts along projected bones so that their round ends stay ``margin`` beyond the joints, however short
        the bones appear.

        Args:
            start, end: ``(F, P, ..., 2)`` pixels.
            length, margin: Of the parts in statures, broadcast to ``(F, P, ...)``.
            wide: Stretch across, ``(F, P, ...)``. flip: 1, or -1 for the mirror image.

        Returns:
            Origin, axis and width of the parts, ``(F, P, ..., 2)``.
        """
        along = end - start
        pixels = _widen(self._pixels, along.ndim - 3)[..., 0]
        seen = np.sqrt(along[..., 0] * along[..., 0] + along[..., 1] * along[..., 1])
        direction = np.where(seen[..., None] > 1e-6, along / np.maximum(seen, 1e-6)[..., None], np.array((0.0, 1.0)))
        shrink = (seen / pixels + 2.0 * margin) / (length + 2.0 * margin)
        origin = start + direction * (pixels * margin * (shrink - 1.0))[..., None]
        return origin, direction * (pixels * shrink)[..., None], _across(direction) * (pixels * wide * flip)[..., None]

    def _trunk(self) -> None:
        bones, parts = self._skeleton, self.figure.parts
        pelvis, pelvis_near = self._project(bones.pelvis)
        neck, neck_near = self._project(bones.neck)
        head, _ = self._project(bones.head)
        middle_near = 0.5 * (pelvis_near + neck_near)
        chest_left = self._camera.turned(bones.chest_axes.left)[1]
        hip_left = self._camera.turned(bones.pelvis_axes.left)[1]
        chest_wide = self._girth * np.sqrt(1.0 - 0.62 * chest_left**2)
        hips_wide = self._girth * np.sqrt(1.0 - 0.5 * hip_left**2)
        origin, axis, width = self._bone(pelvis, neck, body.SPINE, 0.06, chest_wide)
        parts["trunk"] = Part(origin, axis, width, middle_near + 0.01)
        front_flat, front_near = self._camera.turned(bones.chest_axes.front)
        right = _unit(width, (1.0, 0.0))
        aside = (front_flat * right).sum(-1)
        shift = right * self._pixels * (0.075 * aside * self._girth)[..., None]
        seen = np.clip(front_near, 0.0, 1.0)
        parts["front"] = Part(
            origin + shift,
            axis,
            right * self._pixels * (self._girth * seen)[..., None],
            middle_near + 0.012,
            front_near > 0.15,
        )
        origin, axis, width = self._bone(pelvis, neck, body.SPINE, 0.06, hips_wide)
        parts["pelvis"] = Part(origin, axis, width, pelvis_near - 0.01)
        parts["neck"] = Part(*self._bone(neck, head, 0.084, 0.03, np.sqrt(self._girth)), neck_near - 0.012)
        ground = np.zeros_like(bones.pelvis)
        place, _ = self._project(ground)
        down = np.broadcast_to(np.array((0.0, 1.0)), place.shape) * self._pixels
        parts["shadow"] = Part(place, down, _across(-down), np.full(place.shape[:2], -100.0))

    def _arms(self) -> None:
        bones, parts = self._skeleton, self.figure.parts
        chest_left = self._camera.turned(bones.chest_axes.left)[1]
        chain = np.stack([bones.shoulders, bones.elbows, bones.wrists, bones.fingers], 2)
        places, nears = self._project(chain)
        length = np.array([[body.UPPER_ARM], [body.FOREARM], [body.HAND]])
        margin = np.array([[0.03], [0.02], [0.018]])
        girth = _widen(0.5 + 0.5 * self._girth, 2)
        bone = self._bone(places[:, :, :3], places[:, :, 1:], length, margin, girth, -np.array(body.SIDES))
        near = 0.5 * (nears[:, :, :3] + nears[:, :, 1:]) + np.array([[0.012], [0.014], [0.016]])
        for index, side in enumerate(_SIDED):
            for step, name in enumerate(("upper_arm", "forearm", "hand")):
                parts[f"{name}_{side}"] = Part(*(each[:, :, step, index] for each in bone), near[:, :, step, index])
            self._joint(
                f"{side}_shoulder",
                places[:, :, 0, index],
                nears[:, :, 0, index],
                body.SIDES[index] * chest_left > -_TURNED_AWAY,
            )
            self._joint(f"{side}_elbow", places[:, :, 1, index], nears[:, :, 1, index])
            self._joint(f"{side}_wrist", places[:, :, 2, index], nears[:, :, 2, index])
        up = np.broadcast_to(np.array((0.0, -1.0)), self._base.shape) * self._pixels
        parts["object"] = Part(places[:, :, 3, 1] - 0.09 * up, up, _across(up), nears[:, :, 3, 1] + 0.03)

    def _legs(self) -> None:
        bones, parts = self._skeleton, self.figure.parts
        hip_left = self._camera.turned(bones.pelvis_axes.left)[1]
        chain = np.stack([bones.hips, bones.knees, bones.ankles, bones.toes], 2)
        places, nears = self._project(chain)
        girth = _widen(0.3 + 0.7 * self._girth, 2)
        length, margin = np.array([[body.THIGH], [body.SHIN]]), np.array([[0.04], [0.025]])
        bone = self._bone(places[:, :, :2], places[:, :, 1:3], length, margin, girth)
        near = 0.5 * (nears[:, :, :3] + nears[:, :, 1:]) - np.array([[0.004], [0.006], [0.004]])
        downwards = _unit(bone[1][:, :, 1], (0.0, 1.0))
        tips = places[:, :, 3] - downwards * self._pixels[:, :, None] * body.ANKLE_HEIGHT
        flip = np.where((_across(tips - places[:, :, 2]) * downwards).sum(-1) < 0.0, -1, 1)
        feet = self._bone(places[:, :, 2], tips, body.FOOT, 0.03, np.ones(flip.shape), flip)
        for index, side in enumerate(_SIDED):
            for step, name in enumerate(("thigh", "shin")):
                parts[f"{name}_{side}"] = Part(*(each[:, :, step, index] for each in bone), near[:, :, step, index])
            parts[f"foot_{side}"] = Part(*(each[:, :, index] for each in feet), near[:, :, 2, index])
            self._joint(
                f"{side}_hip",
                places[:, :, 0, index],
                nears[:, :, 0, index],
                body.SIDES[index] * hip_left > -_TURNED_AWAY,
            )
            self._joint(f"{side}_knee", places[:, :, 1, index], nears[:, :, 1, index])
            self._joint(f"{side}_ankle", places[:, :, 2, index], nears[:, :, 2, index])
        self._skirt([(places[:, :, 1, index], nears[:, :, 1, index]) for index in (0, 1)], hip_left)

    def _skirt(self, knees: list[tuple[np.ndarray, np.ndarray]], hip_left: np.ndarray) -> None:
        pelvis, near = self._project(self._skeleton.pelvis)
        middle, apart = 0.5 * (knees[0][0] + knees[1][0]), knees[0][0] - knees[1][0]
        origin, axis, width = self._bone(pelvis, middle, body.THIGH, 0.06, np.ones_like(hip_left))
        spread = 0.5 * np.abs((apart * _unit(width, (1.0, 0.0))).sum(-1)) / self._pixels[..., 0]
        wide = np.maximum(self._girth * np.sqrt(1.0 - 0.5 * hip_left**2), (spread + 0.05) / 0.15)
        nearest = np.maximum(near, np.maximum(knees[0][1], knees[1][1])) + 0.004
        self.figure.parts["skirt"] = Part(origin, axis, width * wide[..., None], nearest)

    def _head_and_face(self) -> None:
        bones, parts = self._skeleton, self.figure.parts
        centre, near = self._project(bones.head)
        near = near + 0.045 * self._stature
        unit = self._pixels * self._head[:, None]
        axes = bones.head_axes
        up = _unit(self._camera.turned(axes.up)[0], (0.0, -1.0))
        right = _across(up)
        (front_flat, front), (left_flat, left) = (self._camera.turned(axis) for axis in (axes.front, axes.left))
        aside, left_aside = (front_flat * right).sum(-1), (left_flat * right).sum(-1)
        rise = (front_flat * up).sum(-1)
        level = np.sqrt(np.maximum(aside**2 + front**2, 1e-6))
        turn = np.arctan2(aside, front)
        wide = (1.0 + 0.18 * (aside / level) ** 2)[..., None]

        def at(across: np.ndarray | float, above: np.ndarray | float) -> np.ndarray:
            across, above = np.asarray(across)[..., None], np.asarray(above)[..., None]
            return centre + unit * (across * right + above * up)

        def add(
            name: str,
            place: np.ndarray,
            layer: float,
            stretch: np.ndarray | float = 1.0,
            shown: np.ndarray | bool = True,
        ):
            stretch = np.broadcast_to(
                np.asarray(stretch, float)[..., None] if np.ndim(stretch) else stretch, unit.shape
            )
            parts[name] = Part(place, up * unit, right * unit * stretch, near + layer, shown)

        add("head", centre, 0.0, wide[..., 0])
        back = at(-0.008 * aside, 0.002)
        for name, layer in (("hair", 0.002), ("cap", 0.01)):
            add(name, back, layer, wide[..., 0])
        add("brim", at(0.05 * aside, 0.022 + 0.03 * rise), 0.011, 0.45 + 0.55 * np.abs(front), front > -0.35)
        add("hair_back", at(-0.022 * aside, 0.0), 0.0, wide[..., 0])
        parts["hair_back"].near = near - 0.06 * front
        add("knot", at(-0.056 * aside, 0.028 - 0.03 * rise), 0.0)
        parts["knot"].axis = -parts["knot"].axis
        parts["knot"].near = near - 0.05 * front
        self._face_patch(add, at, turn, rise)
        for index, side in enumerate(_SIDED):
            sign = body.SIDES[index]
            eye_aside, eye_front = (0.92 * a + sign * 0.39 * b for a, b in ((aside, left_aside), (front, left)))
            eye = at(0.05 * eye_aside, 0.01 + 0.045 * rise)
            add(f"eye_{side}", eye, 0.007, np.clip(eye_front, 0.3, 1.0), eye_front > 0.12)
            self._joint(f"{side}_eye", eye, near + 0.007, eye_front > 0.12)
            ear = at(sign * 0.052 * left_aside * wide[..., 0], 0.0)
            ear_front = sign * left
            add(f"ear_{side}", ear, 0.006, 0.5 + 0.5 * np.abs(ear_front), ear_front > -0.3)
            self._joint(f"{side}_ear", at(sign * 0.047 * left_aside, 0.0), near + 0.006, ear_front > -0.3)
        nose = at(0.053 * aside * np.where(np.abs(turn) > 1.2, wide[..., 0], 1.0), -0.012 + 0.05 * rise)
        add("nose", nose, 0.008, 1.0, front > -0.1)
        self._joint("nose", at(0.045 * aside, -0.012 + 0.045 * rise), near + 0.008, front > -0.1)
        add("mouth", at(0.048 * aside, -0.038 + 0.045 * rise), 0.007, np.clip(front, 0.3, 1.0), front > 0.1)

    @staticmethod
    def _face_patch(add, at, turn: np.ndarray, rise: np.ndarray) -> None:
        """The part of the ball within 65 degrees of the face's direction, as far as it is on the viewer's side."""
        reach, edge = np.radians(66.0), 0.5 * np.pi
        ends = [np.sin(np.clip(turn + sign * reach, -edge, edge)) for sign in (-1.0, 1.0)]
        middle, half = 0.5 * (ends[0] + ends[1]), 0.5 * (ends[1] - ends[0])
        add("face", at(0.0505 * middle, 0.02 * rise), 0.004, half, half > 0.08)
