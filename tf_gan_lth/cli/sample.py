"""`sample`, a script that needs nothing of this package, as one of its commands."""

from tf_gan_lth.standalone import sample
from tf_gan_lth.standalone.sample import define, main

__doc__ = sample.__doc__
__all__ = ["define", "main"]
