"""`tf-gan-lth find_ticket`, by path: python scripts/find_ticket.py --help."""

from tf_gan_lth.cli import find_ticket
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(find_ticket)
