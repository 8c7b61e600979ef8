"""What a CycleGAN cannot do is refused before anything is written."""

import pytest
from helpers import set_up

from tf_gan_lth.experiment.errors import UsageError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kd_weight": 1.0}, "--kd_weight=1.0 is not for cyclegan"),
        ({"ranking_weights": "ema"}, "--ranking_weights=ema: cyclegan keeps no averages"),
        ({"protocol": "quick"}, "needs --protocol=cyclegan"),
        ({"num_eval_images": 5}, "no --num_eval_images"),
        ({"discriminator_steps": 5}, "--discriminator_steps=5 is no option of cyclegan"),
        ({"resolution": 30}, "--resolution=30 does not fit cyclegan"),
        ({"augmentation": "flop"}, "unknown augmentation 'flop': did you mean 'flip'"),
        (
            {"gan": "sngan", "augmentation": None, "resolution": 16},
            "--blocks=1 is no option of sngan",
        ),
        ({"dataset": "digits"}, "unknown pair of domains 'digits'"),
        ({"dataset": "shapes2stripes", "augmentation": "flip"}, "drawn at 64x64 pixels, not 24x24"),
        ({"loss": "hing"}, "unknown loss 'hing'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    translation_options, tmp_path, changes, message
):
    changed = {**translation_options, **changes}
    if changed["gan"] == "sngan":
        changed |= {"dataset": "digits", "protocol": "digits"}
    with pytest.raises(UsageError, match=message):
        set_up(changed, tmp_path / "run")
    assert not (tmp_path / "run").exists()
