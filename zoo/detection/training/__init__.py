"""Training of two-stage detectors: Faster R-CNN (arXiv:1506.01497) and Mask R-CNN
(arXiv:1703.06870).

Which boxes are examples of what is in ``assignment`` and ``sampling``; the losses of each part in a
file of its own, and of a whole detector in ``losses``. Nothing of it goes into a graph, so shapes
are free and torchvision's operators do the work.
"""
