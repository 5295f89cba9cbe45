"""Pictures with boxes and masks: COCO's JSON, Pascal VOC's XML and YOLO's text files.

Every reader gives the same ``DetectionSet``: boxes in pixels of the upright picture, class indices
from 0, and masks as polygons or run lengths where there are any.
"""
