"""`tf-gan-lth runs`, by path: python scripts/runs.py --help."""

from tf_gan_lth.cli import runs
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(runs)
