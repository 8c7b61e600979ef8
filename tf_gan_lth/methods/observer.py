"""Who watches a run: nobody, unless a program or a notebook does."""

from collections.abc import Sequence

import tf_keras as keras

from tf_gan_lth.experiment.replicate_folder import TrainingFolder


class Observer:
    """Sees every training of a run, and does nothing about it."""

    def begins(self, folders: Sequence[TrainingFolder]) -> None:
        """Called before anything is trained, with all that will be, finished ones among them."""

    def callbacks(self) -> list[keras.callbacks.Callback]:
        """Callbacks of the `fit` of a training that is about to begin; `model.title` names it."""
        return []

    def scored(self, folder: TrainingFolder) -> None:
        """Called once a training has its scores."""

    def ends(self) -> None:
        """Called when nothing more is trained, however that came about."""
