"""`tf-gan-lth evaluate`, by path: python scripts/evaluate.py --help."""

from tf_gan_lth.cli import evaluate
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(evaluate)
