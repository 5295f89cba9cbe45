"""Normalizations against torch's, and against arithmetic by hand over two processes."""

from __future__ import annotations

import socket

import torch
import torch.distributed
import torch.multiprocessing
from torch import nn

from zoo.detection.norms import NaiveSyncBatchNorm2d, make_norm


def test_one_process_normalizes_as_torch_does() -> None:
    ours, theirs = NaiveSyncBatchNorm2d(3), nn.BatchNorm2d(3)
    x = torch.randn(4, 3, 5, 5)
    for training in (True, False):
        ours.train(training)
        theirs.train(training)
        assert torch.equal(ours(x), theirs(x))
    assert torch.equal(ours.running_var, theirs.running_var)


def test_groups_divide_the_channels() -> None:
    groups = {}
    for channels in (16, 24, 40, 72, 112, 64):
        norm = make_norm("GN", channels)
        assert isinstance(norm, nn.GroupNorm)
        groups[channels] = norm.num_groups
    assert groups == {16: 16, 24: 8, 40: 8, 72: 8, 112: 16, 64: 32}


def _batch(rank: int) -> torch.Tensor:
    # One picture in the first process, three in the second: each process counts alike.
    values = torch.arange(24.0 * (1 + 2 * rank)).reshape(1 + 2 * rank, 2, 3, 4)
    return torch.sin(values) * (1 + rank) + rank


def _process(rank: int, port: int, folder: str) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2
    )
    norm = NaiveSyncBatchNorm2d(2).train()
    x = _batch(rank).requires_grad_()
    out = norm(x)
    out.square().sum().backward()
    torch.save((out.detach(), x.grad, norm.running_mean, norm.running_var), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_share_their_statistics_equally(tmp_path: object) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    torch.multiprocessing.spawn(_process, (port, str(tmp_path)), nprocs=2)
    batches = [_batch(rank).requires_grad_() for rank in range(2)]
    mean = torch.stack([x.mean((0, 2, 3)) for x in batches]).mean(0)
    square = torch.stack([x.square().mean((0, 2, 3)) for x in batches]).mean(0)
    variance = square - mean.square()
    outs = [(x - mean[:, None, None]) / torch.sqrt(variance + 1e-5)[:, None, None] for x in batches]
    sum(out.square().sum() for out in outs).backward()  # type: ignore[union-attr]
    for rank in range(2):
        out, gradient, running_mean, running_var = torch.load(f"{tmp_path}/{rank}.pt")
        torch.testing.assert_close(out, outs[rank].detach(), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(gradient, batches[rank].grad, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(running_mean, 0.1 * mean.detach())
        torch.testing.assert_close(running_var, 0.9 + 0.1 * variance.detach())
