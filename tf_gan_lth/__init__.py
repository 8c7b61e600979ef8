"""tf_gan_lth: lottery tickets in GANs, on TensorFlow and Keras.

Folders, from the top of the house down; each imports only from those below it:
report, export, lottery, evaluation, training, pruning, models, data, experiment.
"""

__version__ = "0.1.0"
