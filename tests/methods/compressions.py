"""What the tests of compressions share: a small dense GAN, and how one is compressed."""

import tf_keras as keras
from helpers import Finished, Recorder

from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import compressing, jobs, setup

OPTIONS = {
    "gan": "sngan",
    "dataset": "digits",
    "resolution": 16,
    "width": 8,
    "discriminator_width": 4,
    "generator_batch_size": 8,
    "discriminator_batch_size": 4,
    "discriminator_steps": 3,
    "steps": 4,
    "rounds": 0,
    "replicates": 2,
    "ema_decay": 0.5,
    "num_eval_images": 100,
    "terms": ("r1:0.1",),
}
BUDGETS = (0.5, 0.25)
GENERATOR = "generator"


def set_up(dense, path, recorder=None, **given):
    given = {"budgets": BUDGETS, **given}
    config, method = compressing.prepare(str(dense), given)
    recorder = recorder or Recorder()
    method, bench = setup.set_up(config, RunFolder(path), None, recorder, method)
    return Finished(method, bench, recorder, RunFolder(path))


def compressed(dense, path, recorder=None, **given):
    finished = set_up(dense, path, recorder, **given)
    jobs.run(finished.method, finished.bench, finished.run)
    return finished


class Stop(keras.callbacks.Callback):
    """Stops a training, as Ctrl-C does."""

    def __init__(self, title, step):
        super().__init__()
        self._title, self._step = title, step

    def on_train_batch_end(self, batch, logs=None):
        if self._title in self.model.title and int(self.model.step.numpy()) == self._step:
            raise KeyboardInterrupt


class Stopper(Recorder):
    def __init__(self, title, step):
        super().__init__()
        self._stop = title, step

    def callbacks(self):
        return [*super().callbacks(), Stop(*self._stop)]
