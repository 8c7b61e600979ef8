"""Run folder to figures, HTML and TensorBoard. Reads files only; everything here can be made again at any time."""

from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.report import page, tensorboard


def write(run: RunFolder) -> None:
    """Writes `report.html` and the round-by-round TensorBoard summaries anew from the artifacts."""
    page.write(run)
    tensorboard.write(run)


__all__ = ["write"]
