"""`tf-gan-lth import_gan_lth`, by path: python scripts/import_gan_lth.py --help."""

from tf_gan_lth.cli import import_gan_lth
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(import_gan_lth)
