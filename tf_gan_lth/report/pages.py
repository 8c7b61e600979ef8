"""Everything that is written for people to look at."""

import tensorflow as tf

from tf_gan_lth.experiment.errors import RunFolderError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.report import page, tensorboard


def write(run: RunFolder) -> None:
    """Writes `report.html` and the TensorBoard summaries by round anew from the artifacts.

    Raises:
      RunFolderError: they cannot be written.
    """
    page.write(run)
    try:
        tensorboard.write(run)
    except tf.errors.OpError as error:
        raise RunFolderError(f"cannot write {run.tensorboard}: {error.message}") from None
