"""`tf-gan-lth report`, by path: python scripts/report.py --help."""

from tf_gan_lth.cli import report
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(report)
