"""`tf-gan-lth compare`, by path: python scripts/compare.py --help."""

from tf_gan_lth.cli import compare
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(compare)
