"""Segmentation networks: LR-ASPP, DeepLabV3 and FCN heads on backbones with finer maps."""
