"""Detectors whose whole work is plain operators of fixed shapes, so that any runtime holds it.

torchvision's ``nms`` and ``roi_align`` have no kernel in ExecuTorch and LiteRT. Here greedy
suppression is a fixed number of matrix products over the K best boxes (``suppression``), and ROI
align two matrix products (``roi_align``); both equal torchvision's operators.

Everywhere a box is (left, top, right, bottom) in pixels of the network's input, a batch comes
first, and what does not exist has the score ``ABSENT``, since shapes are fixed.
"""

ABSENT = -1e4
"""The score of a box that is not there: below every logit and probability, and far from float16's
limit of 65504."""
