"""Downloads published weights, or says in one line why it cannot."""

from __future__ import annotations

import http.client
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from functools import partial
from pathlib import Path

from zoo.errors import InputError, said
from zoo.files import atomic_file

TIMEOUT_SECONDS = 10
ANSWER_SECONDS = 1.5
"""For the hub's first answer, a header: whoever has no internet need not wait for the file's."""
NO_INTERNET = "give --weights FILE, or connect to the internet"


def fetch_url(network: str, url: str) -> Path:
    """Download ``url`` once into torch.hub's cache folder and return its path.

    Raises:
        InputError: the server cannot be reached or refuses.
    """
    target = _cached_path(url)
    if target.is_file():
        return target
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            content = response.read()
    except (OSError, http.client.HTTPException) as error:  # URLErrors and timeouts are OSErrors
        raise _unreachable(network, url, error) from error
    with atomic_file(target) as path:
        path.write_bytes(content)
    return target


def fetch_hugging_face(network: str, repository: str, filename: str = "model.safetensors") -> Path:
    """Download one file of a Hugging Face repository into its cache and return its path.

    ``repository`` is ``owner/name``, or ``owner/name@revision``.

    Raises:
        InputError: that is no repository's name, or the hub cannot be reached or has no such file.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    # A network of the hub is unknown without it, whatever weights are given.
    advice = NO_INTERNET if hub_repository(network) is None else "connect to the internet"
    name, _, revision = repository.partition("@")
    fetch = partial(hf_hub_download, name, filename, revision=revision or None)
    try:
        return Path(fetch(local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as error:
        raise InputError(
            f"{network}: is no repository of the hub; give hf-hub:OWNER/NAME"
        ) from error
    # Its client retries for a minute where there is no internet; ask once first.
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        request = urllib.request.Request(endpoint, method="HEAD")
        urllib.request.urlopen(request, timeout=ANSWER_SECONDS).close()
    except urllib.error.HTTPError:
        pass  # it answered
    except OSError as error:
        raise _unreachable(network, endpoint, error, advice) from error
    try:
        return Path(fetch())
    except Exception as error:  # its client raises a family of its own and httpx's
        raise _unreachable(network, f"{endpoint}/{repository}", error, advice) from error


def hub_repository(name: str) -> str | None:
    """The repository of a network's name such as ``hf-hub:timm/lcnet_050.ra2_in1k``, as timm has
    them too; None of other names."""
    prefix, separator, repository = name.partition(":")
    return repository if separator and prefix in ("hf-hub", "hf_hub") else None


def is_cached_url(url: str) -> bool:
    """Whether ``fetch_url`` would find ``url`` on disk."""
    return _cached_path(url).is_file()


def is_cached_hugging_face(repository: str, filename: str = "model.safetensors") -> bool:
    """Whether ``fetch_hugging_face`` would find the file on disk."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repository, filename), str)


def _cached_path(url: str) -> Path:
    # Many published files are called model.pth, so the whole address makes the name.
    parts = urllib.parse.urlparse(url)
    name = f"{parts.netloc}{parts.path}".replace("/", "_")
    return _torch_hub() / "checkpoints" / name


def _torch_hub() -> Path:
    """torch.hub's folder by the rule in its documentation, without waiting for torch."""
    if "torch" in sys.modules:
        return Path(sys.modules["torch"].hub.get_dir())
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser() / "hub"


def _unreachable(
    network: str, where: str, error: Exception, advice: str = NO_INTERNET
) -> InputError:
    reason = said(getattr(error, "reason", error))
    return InputError(f"{network}: cannot be had from {where} ({reason}); {advice}")
