"""Whether a module takes the images it is to be given, tried on one of zeros."""

from __future__ import annotations

import torch
from torch import nn

from zoo.errors import InputError, reason_of
from zoo.input_spec import InputSpec

_OTHER_CHANNELS = (1, 4)
#: How torch's errors call tensors that are no float32.
_KINDS = ("Half", "BFloat16", "Double", "double", "dtype", "scalar type")


@torch.no_grad()
def float32_output(name: str, module: nn.Module, spec: InputSpec) -> object:
    """What ``module`` makes of zeros (1, 3, H, W), float32; ``module`` is converted to float32
    first, in place, from whatever its parameters are stored in.

    Raises:
        InputError: it is or has a ScriptModule, which cannot be captured, or it takes no such
            input.
    """
    refuse_scripted(name, module)
    module.float()
    image = torch.zeros(spec.shape)
    try:
        output: object = module(image)
    except Exception as error:  # the user's own forward may run here
        reason = reason_of(error)
        for channels in _OTHER_CHANNELS:
            if _takes(module, image[:, :1].expand(-1, channels, -1, -1)):
                raise InputError(
                    f"{name}: takes images of {channels} channel{'s' * (channels > 1)}, and "
                    "fbdeploy gives it the 3 of RGB; return a module that takes 3, such as one "
                    f"that makes its {channels} of them first"
                ) from error
        advice = "check --input-size"
        if any(kind in reason for kind in _KINDS):
            advice = "compute in float32, without casts in its forward()"
        raise InputError(
            f"{name}: fails on an input of shape {spec.shape} ({reason}); {advice}"
        ) from error
    return output


def refuse_scripted(name: str, module: nn.Module) -> None:
    """Refuse what has no Python code to capture.

    Raises:
        InputError: ``module`` or a part of it is a ``torch.jit.ScriptModule``.
    """
    for path, part in module.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            where = f"its part {path}" if path else "it"
            raise InputError(
                f"{name}: {where} is a ScriptModule, which cannot be captured; "
                "return the nn.Module that it was made of"
            )


def _takes(module: nn.Module, image: torch.Tensor) -> bool:
    try:
        module(image)
    except Exception:
        return False
    return True
