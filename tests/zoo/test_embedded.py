from __future__ import annotations

import gzip
import hashlib
import re
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from zoo.dataset_names import CALIBRATION, TEST
from zoo.datasets import batches, open_dataset
from zoo.embedded import LABELS, WEIGHTS_FILE, embedded_file, read_images
from zoo.networks import load_network
from zoo.pack_default import choose_calibration, pack
from zoo.train_default import VALIDATION

# SHA-256 of the unpacked t10k files of the Debian package dataset-fashion-mnist.
IMAGES_SHA256 = "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
LABELS_SHA256 = "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"


def _idx(values: NDArray[np.uint8]) -> bytes:
    dims = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, 8, values.ndim]) + dims + values.tobytes()


def test_the_test_split_is_fashion_mnists() -> None:
    split = read_images(TEST)
    assert hashlib.sha256(_idx(split.images)).hexdigest() == IMAGES_SHA256
    assert hashlib.sha256(_idx(split.labels)).hexdigest() == LABELS_SHA256
    assert split.names == LABELS


def test_the_calibration_images_are_balanced_and_not_test_images() -> None:
    split = read_images(CALIBRATION)
    assert split.images.shape == (512, 28, 28)
    assert sorted(np.bincount(split.labels, minlength=10)) == [51] * 8 + [52] * 2
    test = {image.tobytes() for image in read_images(TEST).images}
    assert sum(image.tobytes() in test for image in split.images) == 0


def test_it_is_at_most_six_megabytes_and_has_its_licence() -> None:
    files = [embedded_file(f"{name}.npz") for name in (TEST, CALIBRATION)]
    assert sum(file.stat().st_size for file in files) <= 6_000_000
    licence = embedded_file("LICENSE.fashion-mnist").read_text()
    assert "Zalando SE" in licence
    assert "Permission is hereby granted, free of charge" in licence


def test_packing_is_repeatable(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    data = tmp_path / "data"
    data.mkdir()
    splits = {"train": 1000 + VALIDATION, "t10k": 40}
    stored = {}
    for name, number in splits.items():
        images = generator.integers(0, 256, (number, 28, 28), np.uint8)
        labels = (np.arange(number) % 10).astype(np.uint8)
        stored[name] = images, labels
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            (data / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(_idx(values)))
    (tmp_path / "licence").write_text("MIT")
    for target in ("a", "b"):
        pack(data, tmp_path / "licence", tmp_path / target)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    with np.load(tmp_path / "a" / f"{TEST}.npz") as packed:
        assert np.array_equal(packed["images"], stored["t10k"][0])
    with np.load(tmp_path / "a" / f"{CALIBRATION}.npz") as packed:
        trained_on = {image.tobytes() for image in stored["train"][0][:-VALIDATION]}
        assert all(image.tobytes() in trained_on for image in packed["images"])
    assert (tmp_path / "a" / "LICENSE.fashion-mnist").read_text() == "MIT"


def test_the_choice_is_seeded_and_without_repeats() -> None:
    labels = (np.arange(5000) % 10).astype(np.uint8)
    first = choose_calibration(labels, 512, 1)
    assert np.array_equal(first, choose_calibration(labels, 512, 1))
    assert not np.array_equal(first, choose_calibration(labels, 512, 2))
    assert len(set(first.tolist())) == 512


def test_the_network_is_small_and_scores_what_its_log_says() -> None:
    network = load_network()
    assert embedded_file(WEIGHTS_FILE).stat().st_size <= 10_000_000
    dataset, hits, seen = open_dataset(TEST), 0, 0
    with torch.inference_mode():
        for images, labels, *_ in islice(batches(dataset, network.input_spec, 200), 10):
            logits = network.module(torch.from_numpy(images))
            hits += int((logits.argmax(1).numpy() == labels).sum())
            seen += len(labels)
    told = re.findall(r"test top1 ([\d.]+)", embedded_file("train.log").read_text())
    assert float(told[-1]) >= 93.0
    # 2,000 of the 10,000: two standard errors of a proportion.
    assert seen == 2_000 and abs(100 * hits / seen - float(told[-1])) <= 1.1
