"""Run folders to figures, HTML, TensorBoard and terminal.

Reads files only; everything here can be remade at any time.
"""

from tf_gan_lth.report.pages import write
from tf_gan_lth.report.terminal import conclude, finish, update

__all__ = ["conclude", "finish", "update", "write"]
