"""Networks of the Hugging Face hub, of a server that answers as the hub does."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import timm
import torch
from safetensors.torch import save

from fbdeploy.pipeline.first_look import look_at_network
from zoo.errors import InputError
from zoo.hub import hub_repository
from zoo.networks import load_network

ARCHITECTURE, LABELS = "mobilenetv3_small_050", ["cat", "dog", "horse"]
CONFIG = {
    "architecture": ARCHITECTURE,
    "num_classes": 3,
    "label_names": LABELS,
    "pretrained_cfg": {
        "input_size": [3, 64, 96],
        "mean": [0.1, 0.2, 0.3],
        "std": [0.5, 0.5, 0.5],
        "crop_pct": 0.9,
        "license": "mit",
    },
}


class _Hub(BaseHTTPRequestHandler):
    """Answers /OWNER/NAME/resolve/main/FILE with the headers that the hub's client asks for."""

    files: ClassVar[dict[str, bytes]] = {}

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        content = self.files.get(self.path, b"" if self.path == "/" else None)
        self.send_response(404 if content is None else 200)
        content = content or b""
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, bytes]]:
    """The hub's files by path; it is empty at first, as is the client's cache."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _at(monkeypatch, tmp_path, server.server_address[1])
    _Hub.files = {}
    yield _Hub.files
    server.shutdown()
    server.server_close()


def _at(monkeypatch: pytest.MonkeyPatch, cache: Path, port: int) -> None:
    endpoint = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    # The client read these when it was imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)


def test_a_repository_tells_its_network(hub: dict[str, bytes]) -> None:
    torch.manual_seed(3)
    made = timm.create_model(ARCHITECTURE, num_classes=3).eval()
    place = "/somebody/pets/resolve/main/"
    hub[f"{place}config.json"] = json.dumps(CONFIG).encode()
    hub[f"{place}model.safetensors"] = save(
        {name: value.contiguous() for name, value in made.state_dict().items()}
    )
    look_at_network("hf-hub:somebody/pets", None)
    network = load_network("hf-hub:somebody/pets")
    assert network.labels == tuple(LABELS) and network.weights.kind == "pretrained"
    assert "somebody/pets" in network.weights.describe()
    spec = network.input_spec
    assert (spec.height, spec.width, spec.mean, spec.crop_pct) == (64, 96, (0.1, 0.2, 0.3), 0.9)
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        assert torch.equal(network.module(x), made(x))
    # What was fetched once needs no hub.
    hub.clear()
    assert load_network("hf-hub:somebody/pets").labels == tuple(LABELS)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "cannot be had"),
        ({"architecture": "rm -rf"}, "names no architecture of timm"),
        ({"architecture": ARCHITECTURE, "pretrained_cfg": 3}, "is not as timm writes it"),
        (["list"], "names no architecture of timm"),
    ],
)
def test_what_is_no_network_of_timm_is_refused(
    hub: dict[str, bytes], config: object, said: str
) -> None:
    if config is not None:
        hub["/some/thing/resolve/main/config.json"] = json.dumps(config).encode()
    with pytest.raises(InputError, match=said) as error:
        look_at_network("hf-hub:some/thing", None)
    assert "\n" not in str(error.value) and "hf-hub:some/thing" in str(error.value)


def test_no_repository(hub: dict[str, bytes]) -> None:
    with pytest.raises(InputError, match="OWNER/NAME"):
        look_at_network("hf-hub:a//b c", None)


def test_without_internet_a_line_says_so_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Takes connections and never answers, as a network without a way out may.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _at(monkeypatch, tmp_path, silent.getsockname()[1])
        begin = time.monotonic()
        with pytest.raises(InputError, match="connect to the internet") as error:
            look_at_network("hf-hub:some/thing", None)
        assert time.monotonic() - begin < 4  # 1.5 s, and the client's import
        assert "\n" not in str(error.value)


def test_names_of_the_hub() -> None:
    assert hub_repository("hf-hub:timm/a.b@c") == "timm/a.b@c"
    assert hub_repository("hf_hub:timm/a") == "timm/a"
    assert hub_repository("mobilenet_v2") is hub_repository("net.py:build") is None
