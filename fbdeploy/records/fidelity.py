"""What is checked before artefacts: float's own answers, and int8's against them."""

from __future__ import annotations

from zoo.documents import Schema, Share


class Fidelity(Schema):
    """The int8 program against the float network, on images that did not calibrate it.

    ``sqnr_db`` is the signal-to-noise of the logits (null where they are all zero), ``agreement``
    how far both answer alike, as the task has it, and ``apart`` the share of two detectors' scores
    that differs, null of other tasks. ``held_out`` is false where the recipe holds none out, so
    that the images are those of calibration. ``criterion`` says what ``passed`` asked for.
    """

    images: int
    held_out: bool
    sqnr_db: float | None
    agreement: Share
    apart: Share | None = None
    criterion: str
    passed: bool


class FloatCheck(Schema):
    """Whether the float network answers sensibly on the evaluation images.

    ``top1`` is its share of right answers, of a segmenter those of pixels; ``chance`` is what
    answering the commonest label for all would have, ``chance_p`` the one-sided p-value that it is
    no more (null without labels). ``commonest_class`` is the class it answers most, on
    ``commonest_share`` of the images or pixels. It is not ``better_than_chance`` where that p-value
    is 5 % or more, not ``varied`` where nearly all its answers are one class and the labels are
    not.
    """

    images: int
    top1: Share | None
    chance: Share | None
    chance_p: Share | None
    commonest_class: int
    commonest_share: Share
    better_than_chance: bool
    varied: bool

    @property
    def passed(self) -> bool:
        """Whether both hold."""
        return self.better_than_chance and self.varied
