"""Scaling curves from the stored results, as SVG."""

import json

TITLES = {
    "slices": ("slices in the job", "slices/s"), "workers": ("worker processes", "slices/s"),
    "slice_size": ("bytes a slice", "MB/s"), "record_size": ("bytes a record", "MB/s"), "executions": ("executions at once", "s until all ended"),
}


def draw(results):
    try:
        import matplotlib
    except ImportError:
        print("  left out: python3-matplotlib is not installed", flush=True)
        return
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "slicemill"
    from matplotlib import pyplot
    curves = json.loads((results / "curves.json").read_text())["curves"]
    figure, axes = pyplot.subplots(1, len(curves), figsize=(4 * len(curves), 3.2), squeeze=False)
    for place, (name, points) in zip(axes[0], sorted(curves.items())):
        across, up = TITLES[name]
        place.plot([x for x, _ in points], [y for _, y in points], marker="o")
        place.set_xscale("log")
        place.set_ylim(bottom=0)
        place.set_xlabel(across)
        place.set_ylabel(up)
        place.grid(True, alpha=0.3)
    figure.tight_layout()
    figure.savefig(results / "curves.svg", metadata={"Date": None})
