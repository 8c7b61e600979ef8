"""`tf-gan-lth export`, by path: python scripts/export.py --help."""

from tf_gan_lth.cli import export
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(export)
