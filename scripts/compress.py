"""`tf-gan-lth compress`, by path: python scripts/compress.py --help."""

from tf_gan_lth.cli import compress
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(compress)
