"""From a skeleton to flat parts in the picture: where each lies, what is in front, and where the 17 joints are."""

from dataclasses import dataclass

import numpy as np

from mmselfhuman.datasets.synthetic import kinematics as body
from mmselfhuman.datasets.synthetic.camera import Camera
from mmselfhuman.datasets.synthetic.kinematics import Skeleton
from mmselfhuman.structures import JOINT_INDEX, NUM_JOINTS

_SIDED = ("left", "right")

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
        flat, near = self._camera.turned(points)
        return self._base + flat * self._pixels, self._base_near + near * self._stature

    def _joint(self, name: str, place: np.ndarray, near: np.ndarray, turned: np.ndarray | bool = True) -> None:
        index = JOINT_INDEX[name]
        self.figure.joints[:, :, index], self.figure.joint_near[:, :, index] = place, near
        self.figure.turned_to[:, :, index] = turned

    def _bone(
        self,
        start: np.ndarray,
        end: np.ndarray,
        length: float,
        margin: float,
        girth: np.ndarray | float,
        flip: np.ndarray | int = 1,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Stretch a part along a projected bone so that its round ends stay ``margin`` beyond the joints, however short
        the bone appears."""
        along = end - start
        seen = np.sqrt((along * along).sum(-1, keepdims=True)) / self._pixels
        direction = _unit(along, (0.0, 1.0))
        shrink = (seen + 2.0 * margin) / (length + 2.0 * margin)
        origin = start + direction * (self._pixels * margin * (shrink - 1.0))
        width = _across(direction) * self._pixels * np.asarray(girth)[..., None] * np.asarray(flip)[..., None]
        return origin, direction * (self._pixels * shrink), width

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
        girth = 0.5 + 0.5 * self._girth
        for index, side in enumerate(_SIDED):
            chain = (bones.shoulders, bones.elbows, bones.wrists, bones.fingers)
            places, nears = zip(*(self._project(points[..., index, :]) for points in chain), strict=True)
            flip = -body.SIDES[index]
            for step, (name, length, margin) in enumerate(
                (("upper_arm", body.UPPER_ARM, 0.03), ("forearm", body.FOREARM, 0.02), ("hand", body.HAND, 0.018))
            ):
                near = 0.5 * (nears[step] + nears[step + 1]) + 0.012 + 0.002 * step
                bone = self._bone(places[step], places[step + 1], length, margin, girth, flip)
                parts[f"{name}_{side}"] = Part(*bone, near)
            self._joint(f"{side}_shoulder", places[0], nears[0], body.SIDES[index] * chest_left > -0.75)
            self._joint(f"{side}_elbow", places[1], nears[1])
            self._joint(f"{side}_wrist", places[2], nears[2])
        hand, near = places[3], nears[3]
        up = np.broadcast_to(np.array((0.0, -1.0)), hand.shape) * self._pixels
        parts["object"] = Part(hand - 0.09 * up, up, _across(up), near + 0.03)

    def _legs(self) -> None:
        bones, parts = self._skeleton, self.figure.parts
        hip_left = self._camera.turned(bones.pelvis_axes.left)[1]
        girth = 0.3 + 0.7 * self._girth
        knees = []
        for index, side in enumerate(_SIDED):
            chain = (bones.hips, bones.knees, bones.ankles, bones.toes)
            places, nears = zip(*(self._project(points[..., index, :]) for points in chain), strict=True)
            thigh = self._bone(places[0], places[1], body.THIGH, 0.04, girth)
            shin = self._bone(places[1], places[2], body.SHIN, 0.025, girth)
            parts[f"thigh_{side}"] = Part(*thigh, 0.5 * (nears[0] + nears[1]) - 0.004)
            parts[f"shin_{side}"] = Part(*shin, 0.5 * (nears[1] + nears[2]) - 0.006)
            downwards = _unit(shin[1], (0.0, 1.0))
            tip = places[3] - downwards * self._pixels * body.ANKLE_HEIGHT
            along = tip - places[2]
            flip = np.where((_across(along) * downwards).sum(-1) < 0.0, -1, 1)
            foot = self._bone(places[2], tip, body.FOOT, 0.03, np.ones_like(girth), flip)
            parts[f"foot_{side}"] = Part(*foot, 0.5 * (nears[2] + nears[3]) - 0.004)
            self._joint(f"{side}_hip", places[0], nears[0], body.SIDES[index] * hip_left > -0.75)
            self._joint(f"{side}_knee", places[1], nears[1])
            self._joint(f"{side}_ankle", places[2], nears[2])
            knees.append((places[1], nears[1]))
        self._skirt(knees, hip_left)

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
        self._joint("nose", at(0.049 * aside, -0.012 + 0.045 * rise), near + 0.008, front > -0.1)
        add("mouth", at(0.048 * aside, -0.038 + 0.045 * rise), 0.007, np.clip(front, 0.3, 1.0), front > 0.1)

    @staticmethod
    def _face_patch(add, at, turn: np.ndarray, rise: np.ndarray) -> None:
        """The part of the ball within 65 degrees of the face's direction, as far as it is on the viewer's side."""
        reach, edge = np.radians(66.0), 0.5 * np.pi
        ends = [np.sin(np.clip(turn + sign * reach, -edge, edge)) for sign in (-1.0, 1.0)]
        middle, half = 0.5 * (ends[0] + ends[1]), 0.5 * (ends[1] - ends[0])
        add("face", at(0.0505 * middle, 0.02 * rise), 0.004, half, half > 0.08)
