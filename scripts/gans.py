"""`tf-gan-lth gans`, by path: python scripts/gans.py --help."""

from tf_gan_lth.cli import gans
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(gans)
