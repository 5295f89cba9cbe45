from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from zoo import embedded
from zoo.architecture import architectures
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.names import TORCHVISION, resolve
from zoo.networks import InputOverrides, NetworkOptions, load_network

SMALL = InputOverrides(size=64)


def _one_line(error: pytest.ExceptionInfo[InputError]) -> str:
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


@torch.no_grad()
def test_timms_fbnetv3_b_has_the_channels_and_embedding_of_the_issue() -> None:
    features = load_network("fbnetv3_b", features_only=True)
    assert features.input_spec.shape == (1, 3, 224, 224)
    assert features.feature_channels == (16, 24, 40, 120, 1344)
    assert features.feature_reductions == (2, 4, 8, 16, 32)
    maps = features.module(torch.zeros(1, 3, 224, 224))
    assert [m.shape[1] for m in maps] == [16, 24, 40, 120, 1344]
    embedding = load_network("fbnetv3_b", num_classes=0)
    assert embedding.module(torch.zeros(1, 3, 224, 224)).shape == (1, 1984)
    assert (embedding.num_classes, embedding.labels) == (0, ())


def test_case_tells_the_published_network_from_timms() -> None:
    ours, theirs = resolve("FBNetV3_B"), resolve("fbnetv3_b")
    assert (ours.source, theirs.source) == ("fbdeploy", "timm")
    network = load_network("FBNetV3_B", features_only=True)
    assert network.input_spec.height == 248
    with torch.no_grad():  # the published padding makes 15 of 31, symmetrical padding 16
        assert network.module(torch.zeros(1, 3, 248, 248))[3].shape[-1] == 15


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("fbnetv2_f1", "FBNetV2_F1"),
        ("fbnetv2_l2", "FBNetV2_L2"),
        ("dmasking_f2", "FBNetV2_F2"),
        ("dmasking_f3", "FBNetV2_F3"),
        ("dmasking_l1", "FBNetV2_L1"),
        ("dmasking_l2", "FBNetV2_L2"),
        ("FBNetV2_F5", "FBNetV2_L2"),
        ("dmasking_f1", "dmasking_f1"),
    ],
)
def test_aliases(alias: str, name: str) -> None:
    assert resolve(alias).canonical == name
    assert name in architectures()


def test_names_of_the_libraries() -> None:
    assert all(resolve(name).source == "torchvision" for name in TORCHVISION)
    for name in ("fbnetc_100", "mobilenetv3_large_100", "tf_efficientnet_lite4", "resnet26"):
        assert resolve(name).source == "timm"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dmasking_p2", "never published"),
        ("mobilenetv3_larg_100", "mobilenetv3_large_100"),
        ("FBNETV3_b", "FBNetV3_B"),
        ("qqqqqqqqqq", "fbdeploy zoo"),
        ("fbnetv3_b.no_such_tag", "tag"),
        ("no/such/file.py:build", "no such file"),
        ("file.py", "file.py:FUNCTION"),
    ],
)
def test_unknown_names(name: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        load_network(name)
    text = _one_line(error)
    assert text.startswith(name)
    assert said in text


def test_random_weights_follow_the_seed() -> None:
    first, again, other = (load_network("fbnet_96", seed=seed) for seed in (3, 3, 4))
    x = torch.ones(1, 3, 96, 96)
    with torch.no_grad():
        assert torch.equal(first.module(x), again.module(x))
        assert not torch.equal(first.module(x), other.module(x))
    assert (first.weights.kind, first.weights.seed) == ("random", 3)
    assert "random" in first.weights.describe()
    assert not first.module.training
    before = torch.random.get_rng_state()
    load_network("fbnet_96")
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", ["fbnet_96", "mobilenet_v3_small", "mobilenetv3_small_050"])
def test_a_file_gives_its_classes_and_fits_every_cut(name: str, tmp_path: Path) -> None:
    whole = load_network(name, num_classes=7, overrides=SMALL, seed=9)
    file = tmp_path / "weights.safetensors"
    save_file({n: t.contiguous() for n, t in whole.module.state_dict().items()}, file)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    loaded = load_network(name, file, overrides=SMALL)
    assert loaded.num_classes == 7
    assert loaded.labels == tuple("0123456")
    assert loaded.weights.kind == "file"
    assert loaded.weights.sha256 is not None
    embedding = load_network(name, file, num_classes=0, overrides=SMALL)
    features = load_network(name, file, features_only=True, overrides=SMALL)
    random_features = load_network(name, features_only=True, overrides=SMALL)
    with torch.no_grad():
        assert torch.equal(loaded.module(x), whole.module(x))
        hidden = embedding.module(x)
        head = [
            part for part in whole.module.modules() if getattr(part, "weight", None) is not None
        ]
        logits = hidden @ head[-1].weight.flatten(1).T + head[-1].bias
        torch.testing.assert_close(logits, whole.module(x))
        maps = features.module(x)
        assert tuple(m.shape[1] for m in maps) == features.feature_channels
        assert tuple(64 // m.shape[2] for m in maps) == features.feature_reductions
        assert not torch.equal(maps[-1], random_features.module(x)[-1])


def test_torchvision_feature_channels() -> None:
    # The block widths of MobileNetV2 (arXiv:1801.04381, table 2) and ResNet-18 (1512.03385).
    narrow = load_network("mobilenet_v2", features_only=True, overrides=SMALL)
    assert narrow.feature_channels == (16, 24, 32, 96, 1280)
    resnet = load_network("resnet18", features_only=True, overrides=SMALL)
    assert resnet.feature_channels == (64, 64, 128, 256, 512)
    assert resnet.feature_reductions == (2, 4, 8, 16, 32)


def test_options_of_torchvisions_mobile_networks() -> None:
    plain = load_network("mobilenet_v3_small", overrides=SMALL)
    size = sum(p.numel() for p in plain.module.parameters())
    for options in (NetworkOptions(width_mult=0.5), NetworkOptions(reduced_tail=True)):
        changed = load_network("mobilenet_v3_small", options=options, overrides=SMALL)
        assert sum(p.numel() for p in changed.module.parameters()) < size
    dilated = load_network(
        "mobilenet_v3_small",
        options=NetworkOptions(dilated=True),
        features_only=True,
        overrides=SMALL,
    )
    assert dilated.feature_reductions == (2, 4, 8, 16)
    for name in ("resnet18", "fbnetv3_b", "FBNetV2_F1", "default"):
        with pytest.raises(InputError) as error:
            load_network(name, options=NetworkOptions(width_mult=0.5))
        assert "width_mult" in _one_line(error)


def test_overrides_replace_what_the_source_says() -> None:
    overrides = InputOverrides(
        size=(64, 96), mean=(0.1, 0.2, 0.3), std=(1, 1, 1), crop_pct=0.5, interpolation="nearest"
    )
    network = load_network("fbnet_96", overrides=overrides)
    assert network.input_spec == InputSpec(
        64, 96, (0.1, 0.2, 0.3), (1, 1, 1), crop_pct=0.5, interpolation="nearest"
    )
    for bad in (
        InputOverrides(size=0),
        InputOverrides(crop_pct=1.5),
        InputOverrides(std=(0, 1, 1)),
    ):
        with pytest.raises(InputError):
            load_network("fbnet_96", overrides=bad)


@pytest.mark.parametrize("features_only", [False, True])
def test_an_input_the_network_cannot_take(features_only: bool) -> None:
    overrides = InputOverrides(size=160)
    with pytest.raises(InputError) as error:
        load_network(f"{__file__}:needs_96", overrides=overrides, features_only=features_only)
    assert "--input-size" in _one_line(error)


def needs_96() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 96), torch.nn.Flatten(), torch.nn.Linear(2, 4))


def test_input_specs_are_the_published_ones(shared: Path) -> None:
    import json
    import math

    facts = json.loads((shared / "facts" / "fbnet_archs.json").read_text())["models"]
    from zoo.sources.fbnet import published_input_spec

    for fact in facts:
        spec = published_input_spec(architectures()[fact["name"]])
        assert spec.height == spec.width == fact["input_size"]
        resize = (fact.get("published") or {}).get("resize")
        if resize:
            assert math.floor(spec.height / spec.crop_pct) == resize
    assert math.floor(224 / published_input_spec(architectures()["fbnet_c"]).crop_pct) == 256


def test_timms_input_is_its_own() -> None:
    spec = load_network("tf_efficientnet_lite0").input_spec
    data = timm.data.resolve_model_data_config(timm.create_model("tf_efficientnet_lite0"))
    assert (3, spec.height, spec.width) == data["input_size"]
    assert (spec.mean, spec.std) == (data["mean"], data["std"])
    assert (spec.crop_pct, spec.interpolation) == (data["crop_pct"], data["interpolation"])


def test_the_default_network() -> None:
    if not embedded.embedded_file(embedded.WEIGHTS_FILE).is_file():
        with pytest.raises(InputError) as error:
            load_network()
        assert "train_default" in _one_line(error)
        return
    network = load_network()
    assert network.labels == embedded.LABELS
    assert network.input_spec == InputSpec(64, 64, (0.2860,) * 3, (0.3530,) * 3, crop_pct=1.0)
    assert (network.num_classes, network.weights.kind) == (10, "embedded")


def test_pretrained_without_internet_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name in ("fbnetv3_b", "FBNetV2_F1", "mobilenet_v2"):
        with pytest.raises(InputError) as error:
            load_network(name, "pretrained")
        assert "--weights FILE" in _one_line(error)
        assert not list(tmp_path.rglob("*.pth"))
    with pytest.raises(InputError, match="no weights of it were published"):
        load_network("FBNetV3_20G", "pretrained")


def test_downloaded_fbnet_weights_carry_their_licence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import io

    from zoo.mobile_cv_layout import to_mobile_cv

    source = load_network("fbnet_c", seed=1)
    buffer = io.BytesIO()
    state = to_mobile_cv(source.module.state_dict(), architectures()["fbnet_c"])
    torch.save({"state_dict": {f"module.{n}": t for n, t in state.items()}}, buffer)
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: io.BytesIO(buffer.getvalue()))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    loaded = load_network("fbnet_c", "pretrained")
    assert loaded.weights.layout == "mobile_cv"
    assert "CC BY-NC" in loaded.weights.describe()
    x = torch.ones(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(loaded.module(x), source.module(x))
