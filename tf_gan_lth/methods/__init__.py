"""Ways to make a GAN small. Each yields candidates; one loop trains and scores them.

Read `imp.py` first: it is the algorithm of the paper. The only folder that knows all parts below.
"""

from tf_gan_lth.methods import (  # noqa: F401  they register
    channel_ticket,
    coevolution,
    distillation,
    finetuning,
    gan_compression,
    gan_slimming,
    imp,
)
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate
from tf_gan_lth.methods.method import METHODS, Method
from tf_gan_lth.methods.observer import Observer
from tf_gan_lth.methods.transfer import Transfer

__all__ = ["METHODS", "Bench", "Candidate", "Method", "Observer", "Transfer"]
