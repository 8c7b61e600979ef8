"""How much longer does scoring take than the generator and the feature network alone?

    python benchmarks/scoring_overhead.py --flagfile=flags/sngan_digits.flags --width=32
    python benchmarks/scoring_overhead.py --width=32 --reference=folder:PATH --protocol=quick \\
        --feature_network=PATH

The two take turns in one process, on the same batches, and the ratio is taken turn by turn. Scoring
includes checking, rounding and all scores.
"""

import statistics

import turns
from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_config_flags(flags.FLAGS)
command_line.define_flag(flags.FLAGS, "Benchmark", "turns", int, 7, "turns of each")
command_line.define_flag(
    flags.FLAGS,
    "Benchmark",
    "reference",
    str,
    None,
    "folder:PATH of real images; unset: the data set",
)


def main(values: flags.FlagValues) -> None:
    config = command_line.config_from_flags(values)
    import numpy as np
    import tensorflow as tf

    from tf_gan_lth import data, gans
    from tf_gan_lth.evaluation import Evaluator, Extractor, reference
    from tf_gan_lth.tasks.noise_to_image import protocol_of
    from tf_gan_lth.training import Sampler

    protocol = protocol_of(config)
    resolution = config.data.resolution
    extractor = Extractor.of(protocol)
    real = data.open_images(
        values.reference or config.data.dataset, None, resolution, config.data.data_dir
    )
    evaluator = Evaluator(protocol, extractor, reference.of_images(real, extractor))
    shape = gans.ImageShape(resolution, real.shape[-1])
    gan = gans.build(gans.find(config.networks.gan), config, shape, seed=0)
    generator, network, count = gan.networks["generator"], extractor.network, protocol.num_images
    snapshot = gans.take_snapshot(generator)
    sampler = Sampler(generator, gan.prior)

    def images():
        return sampler.batches(snapshot, count, np.array([1, 2], np.int32))

    generate = tf.function(lambda noise: generator(noise, training=False))
    extract = tf.function(lambda images: network.function(extractor.resize(images)))
    noises = [tf.random.normal([len(batch), generator.input_shape[-1]]) for batch in images()]

    def plain() -> None:
        for noise in noises:
            extract(generate(noise))["pool_3"].numpy()

    scoring, alone, ratio = turns.compare(
        lambda: evaluator.score("images", images(), count, protocol.ema), plain, values.turns
    )
    for name, seconds in {"plain": alone, "scoring": scoring}.items():
        print(
            f"{name:<8} {min(seconds):7.2f} s at best, {statistics.median(seconds):7.2f} s in the"
            f" median, for {count:,} images"
        )
    print(f"scoring / plain: {ratio}")


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
