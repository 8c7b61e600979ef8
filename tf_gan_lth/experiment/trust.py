"""Whether model files of others may do more than compute; see SECURITY.md."""

import os

VARIABLE = "TF_GAN_LTH_TRUST_MODELS"  # the environment, so that processes that are started have it


def give() -> None:
    """From now on, model files are trusted in this process and those that it starts."""
    os.environ[VARIABLE] = "1"


def given() -> bool:
    """Whether model files are trusted."""
    return os.environ.get(VARIABLE) == "1"
