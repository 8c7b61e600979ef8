"""Do the scores order real images, distorted in known ways, as an eye would?

    python benchmarks/real_image_distances.py --data=PATH --feature_network=PATH

The data's PATH holds train/ and test/ with a subfolder for each class. The test images, as they are
and distorted, are compared with the train images. docs/results/real_images.md has the table and
says what was used.
"""

import io
import pathlib

from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_flag(
    flags.FLAGS, "Benchmark", "data", str, None, "folder with train/ and test/; required"
)
command_line.define_flag(
    flags.FLAGS,
    "Benchmark",
    "feature_network",
    str,
    None,
    "name, path or URL of the feature network; required",
)
flags.mark_flags_as_required(["data", "feature_network"])


def _spoilt(test, pixels, folder: pathlib.Path) -> dict:
    """{what was done to them: test images}, `(N, H, W, C)` uint8."""
    import numpy as np
    from PIL import Image, ImageFilter

    def each(change):
        return np.stack([np.asarray(change(Image.fromarray(image))) for image in test])

    def jpeg(quality: int):
        def change(image):
            file = io.BytesIO()
            image.save(file, "JPEG", quality=quality)
            return Image.open(file)

        return each(change)

    def blurred(radius: float):
        return each(lambda image: image.filter(ImageFilter.GaussianBlur(radius)))

    first_class = min((folder / "test").iterdir())
    one_class = pixels(first_class)
    return {
        "test images": test,
        **{f"JPEG, quality {quality}": jpeg(quality) for quality in (90, 50, 20, 5)},
        **{f"blurred, radius {radius:g}": blurred(radius) for radius in (0.5, 1, 2)},
        "upside down": test[:, ::-1],
        "uniform noise": np.random.default_rng(0).integers(0, 256, test.shape, np.uint8),
        f"test, {len(one_class)} at random": test[: len(one_class)],
        f"test, {len(one_class)} of one class ({first_class.name})": one_class,
    }


def main(values: flags.FlagValues) -> None:
    import numpy as np

    from tf_gan_lth import data
    from tf_gan_lth.evaluation import SCORES, Evaluator, Extractor, protocols, reference

    folder = pathlib.Path(values.data)
    protocol = protocols.get("paper").but(feature_network=values.feature_network)
    extractor = Extractor.of(protocol)
    real = reference.of_images(data.ImageFolder(folder, split="train"), extractor)
    evaluator = Evaluator(protocol, extractor, real)

    def pixels(path: pathlib.Path) -> np.ndarray:
        return np.concatenate(
            [np.uint8(data.quantize(batch)) for batch in data.ImageFolder(path).batches()]
        )

    print("| images | " + " | ".join(SCORES) + " |\n|---|" + "---|" * len(SCORES))
    for name, images in _spoilt(pixels(folder / "test"), pixels, folder).items():
        scores = evaluator.score(name, [data.scale(images)], len(images), ema=None)
        cells = ("-" if scores[column] is None else f"{scores[column]:.3f}" for column in SCORES)
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    network = extractor.network
    print(
        f"\nreference {real.origin.count:,} images, digest {real.origin.digest}; feature network"
        f" digest {network.digest}"
    )


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
