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
    """Join the poses of P persons, each with scalars or ``(F,)`` per angle, into one whose angles are ``(F, P)``."""

    def column(values: list[Angle]) -> np.ndarray:
        return np.stack([np.broadcast_to(np.asarray(value, float), (num_frames,)) for value in values], axis=1)

    joined = Pose()
    for field in fields(Pose):
        values = [getattr(pose, field.name) for pose in poses]
        if isinstance(values[0], tuple):
            setattr(joined, field.name, tuple(column([value[side] for value in values]) for side in (0, 1)))
        else:
            setattr(joined, field.name, column(values))
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


def pose_skeleton(pose: Pose, head_size: np.ndarray | float = 1.0, hip_width: np.ndarray | float = 1.0) -> Skeleton:
    """Forward kinematics.

    Args:
        pose: Angles ``(...)``.
        head_size: Size of the head relative to an adult's, ``(...)``.
        hip_width, relative to the average, ``(...)``.

    Returns:
        The skeleton, standing so that its lowest point is ``pose.lift`` above the ground (y = 0) and the pelvis above
        the origin.
    """
    zero = np.zeros(np.shape(pose.yaw))
    axis = [np.stack([zero + (i == j) for i in range(3)], -1) for j in range(3)]
    pelvis_axes = Axes(*axis).yawed(pose.yaw).pitched(pose.pitch).rolled(pose.roll)
    spine = pelvis_axes.pitched(pose.spine_pitch).rolled(pose.spine_roll)
    chest = spine.yawed(pose.spine_twist)
    head_axes = chest.yawed(pose.head_yaw).pitched(pose.head_pitch).rolled(pose.head_roll)
    scale = np.asarray(head_size, float)[..., None]
    pelvis = np.zeros_like(axis[0])
    neck = pelvis + SPINE * spine.up
    head = neck + (0.5 * NECK) * (spine.up + head_axes.up) + (HEAD_RADIUS * scale) * head_axes.up
    head = head + (0.012 * scale) * head_axes.front
    arms = [_arm(pose, chest, pelvis + SHOULDER_HEIGHT * spine.up, side) for side in (0, 1)]
    width = HIP_HALF_WIDTH * np.asarray(hip_width, float)[..., None]
    legs = [_leg(pose, pelvis_axes, pelvis, width, side) for side in (0, 1)]
    points = [pelvis, neck, head]
    pairs = [np.stack(pair, -2) for pair in (*zip(*arms, strict=True), *zip(*legs, strict=True))]
    shin_fronts = pairs.pop()
    shift = _stand([*points, *(pair[..., side, :] for pair in pairs for side in (0, 1))], pose.lift)
    points = [point + shift for point in points]
    pairs = [pair + shift[..., None, :] for pair in pairs]
    return Skeleton(*points, *pairs, pelvis_axes, chest, head_axes, shin_fronts)


def _arm(pose: Pose, chest: Axes, base: np.ndarray, side: int) -> tuple[np.ndarray, ...]:
    left = SIDES[side] * chest.left
    swing, spread, elbow, inwards = (
        np.asarray(pair[side], float)[..., None]
        for pair in (pose.arm_swing, pose.arm_spread, pose.elbow, pose.elbow_in)
    )
    down = np.sin(swing) * chest.front - np.cos(swing) * chest.up
    forwards = np.cos(swing) * chest.front + np.sin(swing) * chest.up
    upper = np.cos(spread) * down + np.sin(spread) * left
    outwards = np.cos(spread) * left - np.sin(spread) * down
    bend = np.cos(inwards) * forwards - np.sin(inwards) * outwards
    lower = np.cos(elbow) * upper + np.sin(elbow) * bend
    shoulder = base + SHOULDER_HALF_WIDTH * left + (0.02 * (1.0 - np.cos(spread))) * chest.up
    elbow_point = shoulder + UPPER_ARM * upper
    wrist = elbow_point + FOREARM * lower
    return shoulder, elbow_point, wrist, wrist + HAND * lower


def _leg(pose: Pose, pelvis: Axes, base: np.ndarray, width: np.ndarray, side: int) -> tuple[np.ndarray, ...]:
    left = SIDES[side] * pelvis.left
    swing, spread, knee, ankle = (
        np.asarray(pair[side], float)[..., None] for pair in (pose.leg_swing, pose.leg_spread, pose.knee, pose.ankle)
    )
    down = np.sin(swing) * pelvis.front - np.cos(swing) * pelvis.up
    forwards = np.cos(swing) * pelvis.front + np.sin(swing) * pelvis.up
    thigh = np.cos(spread) * down + np.sin(spread) * left
    shin = np.cos(knee) * thigh - np.sin(knee) * forwards
    front = np.cos(knee) * forwards + np.sin(knee) * thigh
    hip = base + width * left
    knee_point = hip + THIGH * thigh
    ankle_point = knee_point + SHIN * shin
    foot = np.cos(ankle) * front + np.sin(ankle) * shin
    return hip, knee_point, ankle_point, ankle_point + FOOT * foot + ANKLE_HEIGHT * shin, front


def _stand(points: list[np.ndarray], lift: Angle) -> np.ndarray:
    lowest = points[0][..., 1]
    for point in points[1:]:
        lowest = np.minimum(lowest, point[..., 1])
    shift = np.zeros_like(points[0])
    shift[..., 1] = np.asarray(lift, float) - lowest
    return shift
