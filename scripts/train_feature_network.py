"""`tf-gan-lth train_feature_network`, by path: python scripts/train_feature_network.py --help."""

from tf_gan_lth.cli import train_feature_network
from tf_gan_lth.cli.command_line import run_command

if __name__ == "__main__":
    run_command(train_feature_network)
