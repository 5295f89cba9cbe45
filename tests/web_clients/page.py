"""A web page with onnxruntime-web and LiteRT.js, served to headless Chromium."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.fbdeploy.chromium import Browser, browser

PAGE = Path(__file__).with_name("client.html")
TOOLS = Path(os.environ.get("FBDEPLOY_TOOLS", Path(__file__).parents[2] / "build/tools")) / "web"
"""Where tools.sh beside this file puts the libraries."""


@dataclass(frozen=True)
class Answered:
    """What a client found of a model's input, and the first output for each image, (N, ...)."""

    type: str
    shape: tuple[int, ...]
    values: NDArray[np.float32]


@dataclass
class Web:
    """The page, opened. ``site`` is the folder that is served."""

    site: Path
    browser: Browser
    _names: Iterator[int] = field(default_factory=itertools.count)

    def answers(self, fmt: str, model: Path, images: NDArray[np.generic]) -> Answered:
        """Run ``model`` on ``images`` (N, ...), each as the model takes it, batch left out."""
        number = next(self._names)
        served, given = f"{number}{model.suffix}", f"{number}.images"
        (self.site / served).symlink_to(model.resolve())
        (self.site / given).write_bytes(np.ascontiguousarray(images).tobytes())
        found = self.browser.evaluate(f"clients.{fmt}('{served}', '{given}')")
        values = np.array(found["answers"], np.float32)
        return Answered(found["type"], tuple(found["shape"]), values)


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on standard error."""


@contextlib.contextmanager
def web(executable: str, site: Path) -> Iterator[Web]:
    """Serve ``site``, an empty folder, with the page in it, and open that in a browser."""
    (site / "libraries").symlink_to(TOOLS.resolve())
    (site / "index.html").symlink_to(PAGE)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with browser(executable) as started:
                page = started.open(f"http://127.0.0.1:{server.server_port}/", 800, "light", {})
                assert page.problems == []
                yield Web(site, started)
        finally:
            server.shutdown()
            thread.join()
