from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from zoo.checkpoints import fit_positional, load_into, read_state_dict
from zoo.errors import InputError
from zoo.networks import load_network


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1))


def _same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "pt"])
def test_reads_what_was_written(suffix: str, tmp_path: Path) -> None:
    state, path = _net().state_dict(), tmp_path / f"w.{suffix}"
    if suffix == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    assert _same(read_state_dict(path), state)


def test_safetensors_under_another_name(tmp_path: Path) -> None:
    state = _net().state_dict()
    save_file(state, tmp_path / "w.bin")
    assert _same(read_state_dict(tmp_path / "w.bin"), state)


def test_reads_the_old_pickle_format(tmp_path: Path) -> None:
    state = _net().state_dict()
    torch.save(state, tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert _same(read_state_dict(tmp_path / "w.pth"), state)


def test_unwraps_training_checkpoints(tmp_path: Path) -> None:
    state = _net().state_dict()
    other = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    prefixed = {f"module.{name}": tensor for name, tensor in state.items()}
    compiled = {f"_orig_mod.module.{name}": tensor for name, tensor in state.items()}
    averaged = {"n_averaged": torch.tensor(3), **prefixed}
    wrapped = [
        {"state_dict": state, "epoch": 3, "optimizer": {"lr": 1.0}},
        {"model": state},
        {"state_dict": prefixed},
        {"state_dict": other, "state_dict_ema": state},
        {"model_ema": prefixed, "state_dict": other},
        {"model_ema": None, "state_dict": state},
        {"network": other, "ema": averaged},
        {"model": {"state_dict": state}},
        compiled,
    ]
    for number, content in enumerate(wrapped):
        path = tmp_path / f"{number}.pth"
        torch.save(content, path)
        assert _same(read_state_dict(path), state), content.keys()


def test_16_bit_floats_become_32_bit(tmp_path: Path) -> None:
    state = {"a": torch.tensor([0.5, 3.0]), "n": torch.tensor(7)}
    stored = {"a": state["a"].half(), "n": state["n"]}
    save_file(stored, tmp_path / "w.safetensors")
    torch.save({**stored, "a": state["a"].bfloat16()}, tmp_path / "w.pth")
    for name in ("w.safetensors", "w.pth"):
        read = read_state_dict(tmp_path / name)
        assert read["a"].dtype == torch.float32
        assert _same(read, state)


class _Malicious:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_wants_to_execute_does_not(tmp_path: Path, zipped: bool) -> None:
    marker, path = tmp_path / "executed", tmp_path / "evil.pth"
    content = {"a": torch.zeros(1), "b": _Malicious(marker)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match="could run code") as error:
        read_state_dict(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert not marker.exists()
    plain = tmp_path / "plain.pth"
    plain.write_bytes(pickle.dumps(content["b"]))
    with pytest.raises(InputError):
        read_state_dict(plain)
    assert not marker.exists()
    pickle.loads(plain.read_bytes())  # it does where it is let
    assert marker.exists()


def test_a_pickled_module_is_refused(tmp_path: Path) -> None:
    torch.save(_net(), tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"state_dict\(\)"):
        read_state_dict(tmp_path / "net.pth")


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "legacy.pth"])
def test_truncated_files(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w.{suffix}"
    if suffix == "safetensors":
        save_file(_net().state_dict(), path)
    else:
        torch.save(_net().state_dict(), path, _use_new_zipfile_serialization=suffix == "pth")
    whole = path.read_bytes()
    for size in (0, 4, len(whole) // 3, len(whole) // 2, len(whole) - 4):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError) as error:
            read_state_dict(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_files_that_are_no_state_dict(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("hello")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "epoch.pth")
    torch.save({"a": torch.zeros(1), "b": 3}, tmp_path / "mixed.pth")
    torch.jit.script(_net()).save(str(tmp_path / "program.pt"))
    paths = [*tmp_path.iterdir(), tmp_path, tmp_path / "missing.pth"]
    assert len(paths) == 7
    for path in paths:
        with pytest.raises(InputError) as error:
            read_state_dict(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


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
    net = _net()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = {name: tensor + 1 for name, tensor in before.items() if name != "2.bias"}
    with pytest.raises(InputError, match="1 missing"):
        load_into(net, state, origin="w", network="net")
    assert _same(net.state_dict(), before)


def test_counters_of_batch_normalization_may_be_missing() -> None:
    net = _net()
    state = {n: t + 1 for n, t in net.state_dict().items() if "num_batches" not in n}
    load_into(net, state, origin="w", network="net")
    assert torch.equal(net.state_dict()["2.bias"], state["2.bias"])


def test_positional_needs_every_shape() -> None:
    net = _net()
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
        assert _same(loaded.module.state_dict(), module.state_dict())


def test_the_shared_mobilenet(shared: Path) -> None:
    file = shared / "weights" / "tf_mobilenetv3_small_100.imagenet.safetensors"
    network = load_network("tf_mobilenetv3_small_100", file)
    assert network.weights.layout == "timm"
    assert network.labels[207] == "golden retriever"
    with pytest.raises(InputError, match=r"does not fit fbnetc_100: .* missing"):
        load_network("fbnetc_100", file)
