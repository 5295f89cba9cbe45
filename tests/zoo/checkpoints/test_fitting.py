"""Which state dict of a file is taken, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.zoo.checkpoints.small_net import same_state, selection, small_net, under
from zoo.checkpoints import Selection, State, fit_positional, load_into
from zoo.errors import InputError
from zoo.networks import load_network

STATE: State = {name: tensor.clone() for name, tensor in small_net().state_dict().items()}
OTHER: State = {name: torch.zeros_like(tensor) for name, tensor in STATE.items()}
PARTIAL = {name: tensor for name, tensor in OTHER.items() if "running" not in name}
BROKEN = {name: tensor.float() * float("nan") for name, tensor in STATE.items()}
SHADOW = {"decay": 0.9, "shadow_params": [torch.zeros(2)]}
AVERAGED = {"n_averaged": torch.tensor(3)}


def _below(part: str) -> State:
    return {n.removeprefix(part): t for n, t in STATE.items() if n.startswith(part)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w.pth"


def _select(path: Path, content: object, *, any_classes: bool = False) -> Selection:
    torch.save(content, path)
    return selection(path, any_classes=any_classes)


def _refused(path: Path, content: object) -> str:
    with pytest.raises(InputError) as error:
        load_into(small_net(), _select(path, content).state, origin=str(path), network="net")
    assert "\n" not in str(error.value) and len(str(error.value)) <= 300
    return str(error.value)


WRAPPERS = "model model_state_dict net network params weights module model_state anything_else"
PREFIXES = "module. model. net. backbone. _orig_mod. _orig_mod.module. a.b."


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (STATE, ""),
        ({"state_dict": STATE, "epoch": 3, "optimizer": {"state": {0: torch.zeros(3)}}}, ""),
        *(({wrapper: STATE, "epoch": 3}, "") for wrapper in WRAPPERS.split()),
        *((under(prefix, STATE), "") for prefix in PREFIXES.split()),
        ({"model": {"state_dict": under("module.", STATE)}}, ""),
        ({"checkpoint": {"nested": {"model": STATE}}}, ""),
        (AVERAGED | under("module.", STATE), "of module, without 1 other"),
        # Lightning: the module's own loss has weights too.
        (
            {"state_dict": under("model.", STATE) | {"loss.weight": torch.zeros(2)}},
            "of state_dict.model",
        ),
        # Averaged weights are meant where they fit ...
        ({"state_dict": OTHER, "state_dict_ema": STATE}, "of state_dict_ema"),
        ({"model_ema": under("module.", STATE), "state_dict": OTHER}, "of model_ema"),
        ({"network": OTHER, "ema": AVERAGED | under("module.", STATE)}, "of ema"),
        ({"state_dict": under("model.", OTHER) | under("model_ema.", STATE)}, "model_ema"),
        # ... and hide nothing where they do not.
        ({"model_ema": None, "state_dict": STATE}, ""),
        ({"ema": {}, "model": STATE}, ""),
        ({"ema": SHADOW, "model": STATE}, ""),
        ({"ema": PARTIAL, "model": STATE}, "of model"),
        ({"model_ema": BROKEN, "model": STATE}, "of model"),
        ({"model": STATE, "discriminator": {"a": torch.zeros(2)}}, "of model"),
        ({"model": STATE, "teacher": OTHER}, "of model"),
        ({"0": _below("0."), "1": _below("1."), "2": _below("2.")}, "of the whole file"),
        ({"best": STATE, "last": dict(STATE)}, "of best"),
    ],
)
def test_what_is_taken_from_a_checkpoint(path: Path, content: object, note: str) -> None:
    found = _select(path, content)
    assert same_state(found.state, STATE)
    assert note in found.note if note else found.note == ""


@pytest.mark.parametrize(
    "content",
    [
        under("student.", STATE) | under("teacher.", OTHER),
        {"student": STATE, "teacher": OTHER},
        {"generator": STATE, "discriminator": OTHER},
    ],
)
def test_networks_of_which_none_is_likelier(path: Path, content: object) -> None:
    assert "several networks that fit net" in _refused(path, content)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_any_width_become_the_networks(path: Path, dtype: torch.dtype) -> None:
    narrow = {n: t.to(dtype) if t.dtype.is_floating_point else t for n, t in STATE.items()}
    found, net = _select(path, {"model": narrow}), small_net()
    load_into(net, found.state, origin="w", network="net")
    assert "as float32" in found.note
    for name, tensor in net.state_dict().items():
        assert tensor.dtype == STATE[name].dtype
        assert torch.equal(tensor, narrow[name].to(tensor.dtype))


def test_8_bit_floats(path: Path) -> None:
    narrow = {
        n: t.to(torch.float8_e4m3fn) if t.dtype.is_floating_point else t for n, t in STATE.items()
    }
    net = small_net()
    load_into(net, _select(path, narrow).state, origin="w", network="net")
    assert torch.equal(net.state_dict()["0.weight"], narrow["0.weight"].float())


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int32, torch.int64, torch.bool])
def test_integers_are_no_weights(path: Path, dtype: torch.dtype) -> None:
    whole = {name: (10 * tensor).to(dtype) for name, tensor in STATE.items()}
    assert f"0.weight is {str(dtype)[6:]} for float32" in _refused(path, whole)
    one = STATE | {"2.weight": whole["2.weight"]}
    assert "weights of the float network" in _refused(path, one)


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (STATE["2.weight"].to(torch.complex64), "complex64 for float32"),
        (STATE["2.weight"].to_sparse(), "sparse"),
        (STATE["2.weight"].to("meta"), "without data"),
        (torch.zeros(1).expand(5, 4, 1, 1), "larger than what is stored"),
        (torch.zeros(1).half().expand(1_000_000, 1_000_000), "larger than what is stored"),
        (torch.quantize_per_tensor(STATE["2.weight"], 0.1, 0, torch.qint8), "quantized"),
        (STATE["2.weight"] * float("nan"), "2.weight holds NaN or infinity"),
        (STATE["2.weight"] / 0, "2.weight holds NaN or infinity"),
        (STATE["2.weight"].double() * 1e300, "2.weight holds NaN or infinity"),
        (torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]), "nested"),
    ],
)
def test_tensors_of_no_use(path: Path, tensor: Tensor, said: str) -> None:
    assert said in _refused(path, STATE | {"2.weight": tensor})


def test_infinities_of_a_mask_are_kept() -> None:
    net = nn.Linear(2, 2)
    net.register_buffer("mask", torch.zeros(2, 2))
    state = net.state_dict() | {"mask": torch.full((2, 2), float("-inf"))}
    load_into(net, state, origin="w", network="net")
    assert torch.equal(net.state_dict()["mask"], state["mask"])
    with pytest.raises(InputError, match="mask holds NaN"):
        load_into(net, state | {"mask": torch.full((2, 2), float("nan"))}, origin="w", network="n")


def test_parameters_and_extra_state(path: Path) -> None:
    content = {n: nn.Parameter(t) if t.dtype.is_floating_point else t for n, t in STATE.items()}
    assert same_state(_select(path, {**content, "2._extra_state": None}).state, STATE)


def test_the_number_of_classes(path: Path) -> None:
    seven = small_net(7).state_dict()
    assert _select(path, {"model": under("net.", seven)}, any_classes=True).classes == 7
    assert _select(path, STATE, any_classes=True).classes is None
    assert "its classes are 7: give --num-classes 7" in _refused(path, seven)
    wide = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 5, 1)).state_dict()
    torch.save(wide, path)
    with pytest.raises(InputError, match="misshapen"):
        _select(path, wide, any_classes=True)


def test_a_mismatch_names_the_first_three_of_each() -> None:
    net = nn.Sequential(*(nn.Conv2d(2, 2, 1) for _ in range(4)))
    state = dict(net.state_dict())
    for name in ("0.weight", "1.weight", "2.weight", "3.weight"):
        state[name.replace("weight", "kernel")] = state.pop(name)
    state["0.bias"] = torch.zeros(3)
    with pytest.raises(InputError) as error:
        load_into(net, state, origin="w.pth", network="net")
    text = str(error.value)
    assert "4 missing (0.weight, 1.weight, 2.weight, ...)" in text
    assert "4 unexpected (0.kernel, 1.kernel, 2.kernel, ...)" in text
    assert "1 misshapen (0.bias (3,) for (2,))" in text
    assert text.startswith("w.pth: does not fit net")
    assert "\n" not in text


def test_a_mismatch_changes_nothing() -> None:
    net = small_net()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = {name: tensor + 1 for name, tensor in before.items() if name != "2.bias"}
    with pytest.raises(InputError, match="1 missing"):
        load_into(net, state, origin="w", network="net")
    assert same_state(net.state_dict(), before)


def test_counters_of_batch_normalization_may_be_missing() -> None:
    net = small_net()
    state = {n: t + 1 for n, t in net.state_dict().items() if "num_batches" not in n}
    load_into(net, state, origin="w", network="net")
    assert torch.equal(net.state_dict()["2.bias"], state["2.bias"])


def test_positional_needs_every_shape() -> None:
    net = small_net()
    foreign = {f"x{i}": t + 1 for i, t in enumerate(net.state_dict().values())}
    fitted = fit_positional({n: t for n, t in foreign.items() if t.ndim}, net)
    assert fitted is not None
    assert torch.equal(fitted["2.bias"], net.state_dict()["2.bias"] + 1)
    assert fit_positional({**foreign, "x0": torch.zeros(1)}, net) is None
    assert fit_positional({n: t for n, t in foreign.items() if n != "x0"}, net) is None
    # Names that agree are never overruled by positions.
    assert fit_positional(dict(net.state_dict()), net) is None


def test_positional_is_for_efficientnet_lite_alone(tmp_path: Path) -> None:
    for name, layout in (("tf_efficientnet_lite0", "positional"), ("mobilenetv3_small_050", None)):
        module = load_network(name, seed=3).module
        foreign = {f"_{n.replace('.', '_')}": t for n, t in module.state_dict().items()}
        torch.save(foreign, tmp_path / "w.pth")
        if layout is None:
            with pytest.raises(InputError, match="does not fit"):
                load_network(name, tmp_path / "w.pth")
            continue
        loaded = load_network(name, tmp_path / "w.pth")
        assert loaded.weights.layout == layout
        assert same_state(loaded.module.state_dict(), module.state_dict())


def test_the_shared_mobilenet(shared: Path) -> None:
    file = shared / "weights" / "tf_mobilenetv3_small_100.imagenet.safetensors"
    network = load_network("tf_mobilenetv3_small_100", file)
    assert network.weights.layout == "timm"
    assert network.labels[207] == "golden retriever"
    with pytest.raises(InputError, match=r"does not fit fbnetc_100: .* missing"):
        load_network("fbnetc_100", file)
