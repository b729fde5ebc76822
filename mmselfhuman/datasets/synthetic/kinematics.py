"""A skeleton in three dimensions: joint angles to joint positions.

Convention: lengths in statures (the standing height of the person is 1); x to the image's right, y up, z towards the
viewer. A person of yaw 0 looks at the viewer, so that its left is at the right of the image. All angles in radians;
every quantity may carry leading dimensions, ``(...)``, for frames and persons.
"""

from dataclasses import dataclass, fields

import numpy as np

Angle = np.ndarray | float

HIP_HEIGHT = 0.52
HIP_HALF_WIDTH = 0.056
SPINE = 0.31
SHOULDER_HEIGHT = 0.272
SHOULDER_HALF_WIDTH = 0.1
UPPER_ARM, FOREARM, HAND = 0.175, 0.15, 0.085
THIGH, SHIN, FOOT = 0.24, 0.245, 0.1
ANKLE_HEIGHT = 0.035
NECK = 0.028
HEAD_RADIUS = 0.068

SIDES = (1, -1)
"""Left, right: the order of the second to last axis of paired points."""


@dataclass
class Pose:
    """Joint angles; zero is standing upright, arms hanging. Pairs are (left, right).

    Attributes:
        yaw, pitch, roll: Of the whole body: turn about the vertical, fall forwards, fall to its own left.
        lift: How far the lowest point of the body is above the ground, in statures.
        spine_pitch, spine_roll, spine_twist: Of the trunk against the pelvis: bend forwards, to the left, turn to the
            left.
        head_yaw, head_pitch, head_roll: Of the head against the trunk: turn to the left, nod, tilt to the left.
        arm_swing: Upper arm forwards (pi / 2 = level).
        arm_spread: Upper arm sideways (pi / 2 = level).
        elbow: Bend of the elbow; ``elbow_in`` turns the bend's plane from forwards (0) to inwards (pi / 2).
        leg_swing, leg_spread, knee, ankle: Thigh forwards, sideways; bend of the knee; toes pointed downwards.
    """

    yaw: Angle = 0.0
    pitch: Angle = 0.0
    roll: Angle = 0.0
    lift: Angle = 0.0
    spine_pitch: Angle = 0.0
    spine_roll: Angle = 0.0
    spine_twist: Angle = 0.0
    head_yaw: Angle = 0.0
    head_pitch: Angle = 0.0
    head_roll: Angle = 0.0
    arm_swing: tuple[Angle, Angle] = (0.0, 0.0)
    arm_spread: tuple[Angle, Angle] = (0.1, 0.1)
    elbow: tuple[Angle, Angle] = (0.2, 0.2)
    elbow_in: tuple[Angle, Angle] = (0.3, 0.3)
    leg_swing: tuple[Angle, Angle] = (0.0, 0.0)
    leg_spread: tuple[Angle, Angle] = (0.06, 0.06)
    knee: tuple[Angle, Angle] = (0.04, 0.04)
    ankle: tuple[Angle, Angle] = (0.0, 0.0)


def stack_poses(poses: list[Pose], num_frames: int) -> Pose:
    """Join the poses of P persons, each with scalars or ``(F,)`` per angle.

    Returns:
        A pose whose angles are ``(F, P)``, and ``(F, P, 2)`` for pairs.
    """
    joined = Pose()
    for field in fields(Pose):
        if isinstance(field.default, tuple):
            angles = np.empty((num_frames, len(poses), 2))
            for index, pose in enumerate(poses):
                angles[:, index, 0], angles[:, index, 1] = getattr(pose, field.name)
        else:
            angles = np.empty((num_frames, len(poses)))
            for index, pose in enumerate(poses):
                angles[:, index] = getattr(pose, field.name)
        setattr(joined, field.name, angles)
    return joined


@dataclass(frozen=True)
class Axes:
    """An orthonormal frame carried by a part of the body: its ``left``, ``up`` and ``front``, each ``(..., 3)``."""

    left: np.ndarray
    up: np.ndarray
    front: np.ndarray

    def yawed(self, angle: Angle) -> "Axes":
        """Turned to its own left."""
        front, left = _rotate(self.front, self.left, angle)
        return Axes(left, self.up, front)

    def pitched(self, angle: Angle) -> "Axes":
        """Fallen forwards."""
        up, front = _rotate(self.up, self.front, angle)
        return Axes(self.left, up, front)

    def rolled(self, angle: Angle) -> "Axes":
        """Fallen to its own left."""
        up, left = _rotate(self.up, self.left, angle)
        return Axes(left, up, self.front)


def _rotate(a: np.ndarray, b: np.ndarray, angle: Angle) -> tuple[np.ndarray, np.ndarray]:
    """Turn the orthonormal pair in its plane: ``a`` towards ``b``."""
    angle = np.asarray(angle, float)[..., None]
    cos, sin = np.cos(angle), np.sin(angle)
    return a * cos + b * sin, b * cos - a * sin


@dataclass(frozen=True)
class Skeleton:
    """Positions of the joints, ``(..., 3)`` in statures; pairs ``(..., 2, 3)``, left first. The origin is on the
    ground."""

    pelvis: np.ndarray
    neck: np.ndarray
    head: np.ndarray
    shoulders: np.ndarray
    elbows: np.ndarray
    wrists: np.ndarray
    fingers: np.ndarray
    hips: np.ndarray
    knees: np.ndarray
    ankles: np.ndarray
    toes: np.ndarray
    pelvis_axes: Axes
    chest_axes: Axes
    head_axes: Axes
    shin_fronts: np.ndarray


def pose_skeleton(pose: Pose, head_size: np.ndarray | float = 1.0) -> Skeleton:
    """Forward kinematics.

    Args:
        pose: Angles ``(...)``, and ``(..., 2)`` for pairs, as :func:`stack_poses` gives them.
        head_size: Size of the head relative to an adult's, ``(...)``.

    Returns:
        The skeleton, standing so that its lowest point is ``pose.lift`` above the ground (y = 0) and the pelvis above
        the origin.
    """
    shape = np.shape(pose.yaw)
    axis = [np.broadcast_to(np.eye(3)[i], (*shape, 3)) for i in range(3)]
    pelvis_axes = Axes(*axis).yawed(pose.yaw).pitched(pose.pitch).rolled(pose.roll)
    spine = pelvis_axes.pitched(pose.spine_pitch).rolled(pose.spine_roll)
    chest = spine.yawed(pose.spine_twist)
    head_axes = chest.yawed(pose.head_yaw).pitched(pose.head_pitch).rolled(pose.head_roll)
    scale = np.asarray(head_size, float)[..., None]
    pelvis = np.zeros((*shape, 3))
    neck = SPINE * spine.up
    head = neck + (0.5 * NECK) * (spine.up + head_axes.up) + (HEAD_RADIUS * scale) * head_axes.up
    head = head + (0.012 * scale) * head_axes.front
    arms = _arms(pose, chest, SHOULDER_HEIGHT * spine.up)
    *legs, shin_fronts = _legs(pose, pelvis_axes)
    points = np.concatenate([np.stack([pelvis, neck, head], -2), *arms, *legs], -2)
    points[..., 1] += (pose.lift - points[..., 1].min(-1))[..., None]
    pairs = [points[..., 3 + 2 * pair : 5 + 2 * pair, :] for pair in range(len(arms) + len(legs))]
    singles = (points[..., single, :] for single in range(3))
    return Skeleton(*singles, *pairs, pelvis_axes, chest, head_axes, shin_fronts)


def _limb(axes: Axes, swing: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, ...]:
    """Directions ``(..., 2, 3)`` of two hanging limbs: along, forwards and outwards of them, and the outer sides."""
    outer = np.array(SIDES)[:, None] * axes.left[..., None, :]
    front, up = axes.front[..., None, :], axes.up[..., None, :]
    swing, spread = swing[..., None], spread[..., None]
    down = np.sin(swing) * front - np.cos(swing) * up
    forwards = np.cos(swing) * front + np.sin(swing) * up
    along = np.cos(spread) * down + np.sin(spread) * outer
    outwards = np.cos(spread) * outer - np.sin(spread) * down
    return along, forwards, outwards, outer


def _arms(pose: Pose, chest: Axes, base: np.ndarray) -> list[np.ndarray]:
    upper, forwards, outwards, outer = _limb(chest, pose.arm_swing, pose.arm_spread)
    elbow, inwards = pose.elbow[..., None], pose.elbow_in[..., None]
    lower = np.cos(elbow) * upper + np.sin(elbow) * (np.cos(inwards) * forwards - np.sin(inwards) * outwards)
    shrug = 0.02 * (1.0 - np.cos(pose.arm_spread[..., None])) * chest.up[..., None, :]
    shoulders = base[..., None, :] + SHOULDER_HALF_WIDTH * outer + shrug
    elbows = shoulders + UPPER_ARM * upper
    wrists = elbows + FOREARM * lower
    return [shoulders, elbows, wrists, wrists + HAND * lower]


def _legs(pose: Pose, pelvis: Axes) -> list[np.ndarray]:
    thigh, forwards, _, outer = _limb(pelvis, pose.leg_swing, pose.leg_spread)
    knee, ankle = pose.knee[..., None], pose.ankle[..., None]
    shin = np.cos(knee) * thigh - np.sin(knee) * forwards
    front = np.cos(knee) * forwards + np.sin(knee) * thigh
    hips = HIP_HALF_WIDTH * outer
    knees = hips + THIGH * thigh
    ankles = knees + SHIN * shin
    foot = np.cos(ankle) * front + np.sin(ankle) * shin
    return [hips, knees, ankles, ankles + FOOT * foot + ANKLE_HEIGHT * shin, front]
