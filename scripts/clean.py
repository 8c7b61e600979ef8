"""`tf-gan-lth clean`, by path: python scripts/clean.py --help."""

from tf_gan_lth.cli import clean
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(clean)
