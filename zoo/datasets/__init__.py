"""Images with labels, from a folder or embedded, and the batches a network eats.

A dataset is one of

* an ImageFolder: ``DIR/<class>/<image>`` (``image_folder``; which class a folder is:
  ``classes``);
* a folder with ``labels.csv``: columns ``image`` and ``label`` (``labels_csv``);
* a flat folder of images, where labels are not asked for (calibration);
* the name of an embedded dataset (``zoo.embedded``);
* ``random-images``, where labels are not asked for (``random_images``).

``of_task`` opens what a task is scored on, such as images with masks (``masks``).
"""

from zoo.datasets.batching import WHOLE, Batch, Part, batches, evenly_spaced
from zoo.datasets.of_task import open_pictures, open_scored
from zoo.datasets.opening import open_dataset
from zoo.datasets.samples import ArrayDataset, Dataset, FolderDataset, Sample
from zoo.images import IMAGE_SUFFIXES, BadImageError

__all__ = [
    "IMAGE_SUFFIXES",
    "WHOLE",
    "ArrayDataset",
    "BadImageError",
    "Batch",
    "Dataset",
    "FolderDataset",
    "Part",
    "Sample",
    "batches",
    "evenly_spaced",
    "open_dataset",
    "open_pictures",
    "open_scored",
]
