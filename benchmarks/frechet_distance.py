"""How long does FID take on features of Inception's size, and how much memory?

    python benchmarks/frechet_distance.py           # two sets of 50,000 x 2,048
    python benchmarks/frechet_distance.py --tfgan   # also by TF-GAN, with more time and memory

The time is that of the distance: from features to means, covariances and FID. The features are made
before; the memory includes them.
"""

import resource
import time

from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_flag(flags.FLAGS, "Benchmark", "images", int, 50_000, "images of each set")
command_line.define_flag(flags.FLAGS, "Benchmark", "size", int, 2048, "features of an image")
command_line.define_flag(
    flags.FLAGS, "Benchmark", "tfgan", bool, False, "measure TF-GAN's function too"
)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(values: flags.FlagValues) -> None:
    import numpy as np
    import tensorflow as tf

    from tf_gan_lth.evaluation import metrics
    from tf_gan_lth.training import tfgan

    started = peak_mib()
    draw = np.random.default_rng(0)
    mixing = draw.standard_normal([values.size, values.size], np.float32) / values.size**0.5
    real, generated = (np.empty([values.images, values.size], np.float32) for _ in range(2))
    for shift, features in ((0.0, real), (0.1, generated)):
        for at in range(0, values.images, 1000):
            rows = features[at : at + 1000]
            rows[:] = draw.standard_normal(rows.shape, np.float32) @ mixing + shift
    print(
        f"two sets of {values.images:,} x {values.size:,} features: {peak_mib() - started:,.0f} MiB"
    )

    def measure(name: str, distance) -> None:
        began = time.perf_counter()
        fid = distance()
        seconds = time.perf_counter() - began
        memory = f"{peak_mib() - started:,.0f} MiB over the process's start"
        print(f"{name:<7} FID {fid:.6f} in {seconds:.1f} s; {memory}, features included")

    measure(
        "ours",
        lambda: metrics.frechet_distance(
            metrics.fit_gaussian(real), metrics.fit_gaussian(generated)
        ),
    )
    if values.tfgan:
        function = tfgan.metrics.frechet_classifier_distance_from_activations
        measure(
            "TF-GAN",
            lambda: float(
                function(tf.constant(real, tf.float64), tf.constant(generated, tf.float64))
            ),
        )


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
