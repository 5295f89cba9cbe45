from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform
from torchvision import transforms
from torchvision.models import MobileNet_V3_Large_Weights

from zoo.input_spec import InputSpec
from zoo.networks import load_network
from zoo.preprocess import preprocess

SIZES = [(300, 200), (200, 301), (224, 224), (90, 333), (640, 427), (31, 17), (257, 256)]


def _image(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    width, height = size
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


@pytest.fixture
def rows_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every Pillow resize along the rows first, as all did before version 13."""
    resize = Image.Image.resize

    def in_order(
        image: Image.Image, size: tuple[int, int], resample: int | None = None, **options: Any
    ) -> Image.Image:
        if resample in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC):
            image = resize(image, (size[0], image.height), resample, **options)
        return resize(image, size, resample, **options)

    monkeypatch.setattr(Image.Image, "resize", in_order)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
def test_equals_timms_evaluation_transform(
    size: tuple[int, int], interpolation: str, crop_mode: str, rows_first: None
) -> None:
    image = _image(size)
    for height, width, crop_pct in ((224, 224, 0.875), (96, 96, 1.0), (97, 64, 0.9)):
        spec = InputSpec(
            height, width, crop_pct=crop_pct, interpolation=interpolation, crop_mode=crop_mode
        )
        expected = create_transform(
            (3, height, width),
            is_training=False,
            interpolation=interpolation,
            mean=spec.mean,
            std=spec.std,
            crop_pct=crop_pct,
            crop_mode=crop_mode,
        )(image)
        found = preprocess(image, spec)
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        assert np.array_equal(found, expected.numpy()), (height, width, crop_pct)


@pytest.mark.parametrize("size", SIZES)
def test_equals_torchvisions_preset(size: tuple[int, int], rows_first: None) -> None:
    """torchvision resizes to 232 and crops 224; floor(224 / (224 / 232)) must be 232 again."""
    spec = load_network("mobilenet_v3_large").input_spec
    preset = MobileNet_V3_Large_Weights.IMAGENET1K_V2.transforms()
    assert np.array_equal(preprocess(_image(size), spec), preset(_image(size)).numpy())


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", SIZES)
def test_both_orders_of_resizing_differ_by_one_step_at_most(
    size: tuple[int, int], interpolation: str
) -> None:
    """Whichever order the installed Pillow takes, a network trained with it sees the same."""
    spec = InputSpec(96, 96, (0, 0, 0), (1, 1, 1), 0.875, interpolation)
    expected = create_transform(
        (3, 96, 96), is_training=False, interpolation=interpolation, mean=(0,) * 3, std=(1,) * 3
    )(_image(size))
    difference = np.abs(preprocess(_image(size), spec) - expected.numpy())
    assert difference.max() < 1.5 / 255


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_any_image_mode(mode: str) -> None:
    image = _image((50, 40), mode)
    spec = InputSpec(32, 32, crop_pct=1.0)
    assert np.array_equal(preprocess(image, spec), preprocess(image.convert("RGB"), spec))


def test_grey_image_of_network_size_is_only_normalized() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    spec = InputSpec(8, 8, mean=(0.25,) * 3, std=(0.5,) * 3, crop_pct=1.0)
    expected = (torch.from_numpy(pixels).float() / 255 - 0.25) / 0.5
    found = preprocess(Image.fromarray(pixels), spec)
    assert np.array_equal(found, expected.expand(3, 8, 8).numpy())


def test_training_and_evaluation_resize_fashion_mnist_alike() -> None:
    """The default network trained on torch's bilinear upsampling; PIL rounds after each axis."""
    from zoo.dataset_names import TEST
    from zoo.embedded import INPUT_SPEC, read_images
    from zoo.train_default import prepare

    images = read_images(TEST).images[:8]
    trained = prepare(torch.from_numpy(images), 64).numpy()
    for image, expected in zip(images, trained, strict=True):
        found = preprocess(Image.fromarray(image), INPUT_SPEC)
        # Two roundings: less than one grey level, in units of the standard deviation.
        assert np.abs(found - expected).max() < 1 / 255 / INPUT_SPEC.std[0]


def test_transform_composition_is_what_it_says() -> None:
    spec = InputSpec(64, 64, crop_pct=0.8)
    image = _image((120, 100))
    by_hand = transforms.Compose(
        [
            transforms.Resize(80),
            transforms.CenterCrop(64),
            transforms.ToTensor(),
            transforms.Normalize(spec.mean, spec.std),
        ]
    )
    assert np.array_equal(preprocess(image, spec), by_hand(image).numpy())
