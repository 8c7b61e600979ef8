"""tf_gan_lth: makes GANs small, on TensorFlow and Keras, and finds lottery tickets in them.

    import tf_gan_lth as lth

    gan = lth.GAN(generator=my_generator, discriminator=my_discriminator)
    run = lth.find_ticket(gan, images, run_dir="runs/mine", steps=2000, rounds=5)

`interface` says what each name does. Folders, from the top of the house down; each imports only
from those below it: cli, report, export, methods, findings, tasks, evaluation, training, pruning,
gans, data, experiment, standalone.
"""

from tf_gan_lth.experiment.version import VERSION as __version__  # noqa: F401

__all__ = ["GAN", "Config", "compare", "compress", "find_ticket", "open_run"]


def __getattr__(name: str):
    """The interface, imported when it is asked for: TensorFlow takes seconds."""
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from tf_gan_lth.experiment import quiet

    with quiet.tensorflow_import():
        from tf_gan_lth import interface

    return getattr(interface, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
