"""What two people do with each other: motions, as those of :mod:`motions`, of persons who face each other in
contact."""

import numpy as np

from mmselfhuman.datasets.synthetic.kinematics import Pose
from mmselfhuman.datasets.synthetic.motions import TURN, Motion, bump, glance
from mmselfhuman.datasets.synthetic.randomness import Stream


def fight(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """Box and kick from a guard, stepping in and out."""
    rate = rng.uniform(0.8, 1.3)
    phase = rate * times + rng.uniform()
    left, right = bump(np.sin(TURN * phase)) ** 2, bump(-np.sin(TURN * phase)) ** 2
    kick = bump(rng.child("kick").wander(times, 0.7) - 0.45) * 1.8
    bounce = 0.06 * np.sin(TURN * 1.7 * times)
    pose = Pose(
        yaw=-0.5 + 0.5 * (right - left),
        roll=-0.3 * kick,
        pitch=-0.12 * kick,
        spine_pitch=0.25 + 0.2 * rng.child("duck").wander(times, 0.5),
        spine_twist=0.45 * (right - left),
        arm_swing=(0.55 + 0.95 * left, 0.5 + 1.0 * right),
        arm_spread=(0.2, 0.25),
        elbow=(2.0 - 1.8 * left, 2.1 - 1.9 * right),
        elbow_in=(0.35, 0.4),
        leg_swing=(0.5 + bounce, -0.25 + bounce + 1.75 * kick),
        leg_spread=(0.12, 0.18),
        knee=(0.6 + bounce, 0.5 + 0.3 * kick * (1.0 - kick)),
        ankle=(0.0, 0.4),
        head_pitch=0.15,
        head_yaw=0.4,
    )
    return pose, 0.06 * rng.child("step").wander(times, 0.6) + 0.06 * (left + right)


def hug(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """Hold each other: arms around the other's shoulders or waist, swaying together."""
    sway = rng.child("sway").wander(times, 0.9)
    high = rng.uniform(0.9, 1.6)
    low = rng.uniform(0.8, 1.3)
    pat = 0.12 * np.sin(TURN * rng.uniform(0.8, 1.6) * times)
    pose = Pose(
        yaw=0.12 * sway,
        roll=0.05 * sway,
        spine_pitch=rng.uniform(0.08, 0.25),
        spine_roll=0.08 * sway,
        arm_swing=(high, low),
        arm_spread=(0.3, 0.3),
        elbow=(0.9 + pat, 0.85),
        elbow_in=(1.35, 1.35),
        leg_swing=(0.08 + 0.06 * sway, 0.05 - 0.06 * sway),
        knee=(0.12, 0.14),
        leg_spread=(0.07, 0.07),
        head_yaw=rng.sign() * 0.5,
        head_pitch=0.2,
        head_roll=rng.uniform(-0.3, 0.3),
    )
    return pose, 0.02 * sway


def lead(times: np.ndarray, rng: Stream) -> tuple[Pose, np.ndarray]:
    """One half of a dancing couple: hold and sway, stepping."""
    step = np.sin(TURN * rng.uniform(0.5, 0.8) * times)
    sway = rng.child("sway").wander(times, 0.8)
    pose = Pose(
        yaw=0.15 * sway,
        roll=0.1 * sway,
        spine_roll=0.15 * sway,
        spine_twist=0.2 * step,
        arm_swing=(0.5, 0.9),
        arm_spread=(1.2 + 0.2 * sway, 0.35),
        elbow=(0.6, 1.0),
        elbow_in=(0.3, 1.2),
        leg_swing=(0.1 + 0.35 * step, 0.1 - 0.35 * step),
        knee=(0.25 + 0.3 * bump(-step), 0.25 + 0.3 * bump(step)),
        leg_spread=(0.08, 0.08),
        **glance(times, rng, 0.3),
    )
    return pose, 0.04 * sway


PAIRS: dict[str, Motion] = {"fight": fight, "hug": hug, "couple": lead}
"""Motions of either of two persons by name."""
