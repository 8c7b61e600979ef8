"""`tf-gan-lth transfer`, by path: python scripts/transfer.py --help."""

from tf_gan_lth.cli import transfer
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(transfer)
