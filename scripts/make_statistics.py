"""`tf-gan-lth make_statistics`, by path: python scripts/make_statistics.py --help."""

from tf_gan_lth.cli import make_statistics
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(make_statistics)
