"""Scenes composed of Fashion-MNIST's pictures on textured ground, with exact masks and boxes.

A scene is made when it is asked for, of nothing but its split's pictures and its number, in integer
arithmetic throughout: its pixels are the same on every machine. One set serves segmentation,
detection and instance segmentation.
"""

from zoo.dataset_names import SCENES, SCENES_CALIBRATION, SCENES_FEW
from zoo.scenes.compose import SIDE, Pictures, Scene, compose
from zoo.scenes.splits import (
    CLASSES,
    SCENE_SPLITS,
    SceneSplit,
    open_scenes,
)

__all__ = [
    "CLASSES",
    "SCENES",
    "SCENES_CALIBRATION",
    "SCENES_FEW",
    "SCENE_SPLITS",
    "SIDE",
    "Pictures",
    "Scene",
    "SceneSplit",
    "compose",
    "open_scenes",
]
