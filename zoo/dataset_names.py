"""The names by which datasets are known that are no folders; nothing heavy is imported for them."""

TEST = "fashion-mnist"
CALIBRATION = "fashion-mnist-calibration"
EMBEDDED_DATASETS = (TEST, CALIBRATION)
SCENES = "fashion-scenes"
SCENES_FEW = "fashion-scenes-500"
"""The first of them: detectors take long, and what int8 costs them shows on these."""
SCENES_CALIBRATION = "fashion-scenes-calibration"
EMBEDDED_SETS = (*EMBEDDED_DATASETS, SCENES, SCENES_FEW, SCENES_CALIBRATION)
"""Names that stand for images that come with fbdeploy, unless there is a folder of that name."""
RANDOM_IMAGES = "random-images"
"""Those of ``zoo.datasets.random_images``; a folder that is called so is ``./random-images``."""
RANDOM_IMAGES_VERSION = "random-images-1"
"""Changes whenever they do."""
