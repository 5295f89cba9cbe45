"""Keeps what matters of ``deploy --json`` and prints it as a table."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(source: Path, target: Path) -> None:
    """Read a deployment's JSON document, write its accuracy rows and versions to ``target``."""
    document = json.loads(source.read_text())
    compared = {}
    for line in (source.with_suffix("") / "results.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry.get("comparison"):
            key = (entry["format"], entry["precision"], entry.get("variant", ""))
            compared[key] = entry["comparison"]
    rows = []
    for result in document["results"]:
        variant = result.get("variant", "")
        other = compared.get((result["format"], result["precision"], variant), {})
        rows.append(
            {
                "format": result["format"],
                "precision": result["precision"],
                "variant": variant,
                "bytes": result["bytes"],
                "top1": result["top1"],
                "agreement": result["agreement"],
                "kl": other.get("kl"),
                "top1_difference": other.get("top1_difference"),
                "difference_interval": other.get("difference_interval"),
                "mcnemar_p": other.get("mcnemar_p"),
            }
        )
        print(
            f"{result['format']:12} {result['precision']:5} {variant:5} "
            f"top-1 {result['top1']:.4f} agreement {result['agreement']:.4f} "
            f"p {other.get('mcnemar_p', float('nan')):.3f}"
        )
    kept = {
        "network": document["network"],
        "quantizations": document["quantizations"],
        "environment": document["environment"],
        "results": rows,
    }
    target.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
