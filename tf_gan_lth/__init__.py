"""tf_gan_lth: makes GANs small, on TensorFlow and Keras, and finds lottery tickets in them.

Folders, from the top of the house down; each imports only from those below it:
cli, report, export, methods, findings, tasks, evaluation, training, pruning, gans, data,
experiment.
"""

__version__ = "0.1.0"
