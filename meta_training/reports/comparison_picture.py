"""The picture of a comparison: a dot and an interval for each accuracy, the published grey, ours in colour."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta_training.reports.comparison import Column, Comparison, Row

PUBLISHED, OURS = "0.45", "tab:blue"
MOST_ABREAST = 4


def draw_comparison(comparison: Comparison) -> Figure:
    """Draw a panel for each column, with the rows one below the other."""
    abreast = min(len(comparison.columns), MOST_ABREAST)
    lines = -(-len(comparison.columns) // abreast)
    size = (3 + 2.4 * abreast, lines * (0.9 + 0.27 * len(comparison.rows)))
    figure = Figure(figsize=size, layout="constrained")
    panels = list(figure.subplots(lines, abreast, squeeze=False, sharey=True).flat)
    for axes, column in zip(panels, comparison.columns, strict=False):
        _draw_column(axes, column, comparison.rows)
    for axes in panels[len(comparison.columns) :]:
        axes.set_visible(False)
    figure.axes[0].invert_yaxis()
    return figure


def _draw_column(axes: Axes, column: Column, rows: list[Row]) -> None:
    for place, row in enumerate(rows):
        if cell := row.cells.get(column):
            colour = OURS if row.ours else PUBLISHED
            axes.errorbar(cell.accuracy, place, xerr=cell.interval, fmt="o", color=colour, markersize=4, capsize=3)
    axes.set(title=str(column), xlabel="accuracy, %")
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.title.set_fontsize(9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
