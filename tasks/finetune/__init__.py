"""Training a network on one's own pictures: new classes, its other weights to start from.

``loop`` trains any ``subject.Subject``; ``detectors`` and ``segmenters`` make one of a network and
its data.
"""
