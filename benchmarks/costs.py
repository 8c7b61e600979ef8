"""What a training step costs, by formula.

docs/scaling.md explains the formulas, and `scaling.py` and `exchange.py` check them.
"""

import dataclasses
import math

from tf_gan_lth.experiment.config import Config

FLOAT = 4  # bytes


@dataclasses.dataclass(frozen=True)
class Network:
    """What one image costs in a network.

    Attributes:
      products: multiply-adds of a forward pass.
      first: those of the layers on its inputs, which have no gradient towards the inputs unless it
        is needed.
      kept: floats that a forward pass keeps for the gradient.
      parameters: trainable floats, independent of the number of images.
    """

    products: float
    first: float
    kept: float
    parameters: int


@dataclasses.dataclass(frozen=True)
class Step:
    """What a training step costs.

    Attributes:
      products: multiply-adds.
      kept: floats in memory at the peak that grow with the batch: those kept for the generator's
        step.
      parameters: floats of all networks; each has a gradient and two moments, each kernel a mask,
        and some have an average.
      exchanged: floats that are summed over the replicas.
      collectives: number of sums over the replicas, one after the other.
      batch: the batch size that limits the number of replicas.
    """

    products: float
    kept: float
    parameters: int
    exchanged: float
    collectives: int
    batch: int


def sngan_generator(resolution: int, width: int, channels: int) -> Network:
    products, kept, parameters = 128 * 16 * width, 0, 129 * 16 * width
    side = 4
    while side < resolution:
        # A 1x1 and the 4x4 transposed convolution on the small map, a 3x3 on the large one:
        # 1 + 16 + 4 * 9.
        products += 53 * (side * width) ** 2
        # The sum and its ReLU on the small map, conv_1 and its ReLU on the large one.
        kept += 10 * side**2 * width
        parameters += 19 * width**2 + 7 * width
        side *= 2
    products += 9 * channels * width * resolution**2
    kept += 2 * width * resolution**2 + channels * resolution**2
    return Network(
        products, 128 * 16 * width, kept, parameters + 2 * width + 9 * width * channels + channels
    )


def sngan_discriminator(resolution: int, width: int, channels: int) -> Network:
    # A 3x3 on the large map, the 4x4 of stride 2 and the pooled 1x1 on a quarter of it.
    first = 9 * channels * width * resolution**2 + channels * width * resolution**2 // 4
    products = first + 4 * (width * resolution) ** 2
    kept = 1.25 * width * resolution**2
    parameters = 10 * channels * width + 9 * width**2 + 3 * width
    side = resolution // 2
    while side > 8:
        products += 13.25 * (side * width) ** 2
        kept += 2.5 * width * side**2
        parameters += 19 * width**2 + 3 * width
        side //= 2
    for _ in range(2):
        products += 18 * (side * width) ** 2
        kept += 3 * width * side**2
        parameters += 18 * width**2 + 2 * width
    return Network(products + width, first, kept, parameters + width)


def sngan(config: Config, channels: int) -> Step:
    training, resolution = config.training, config.data.resolution
    width = config.extras["width"]
    g = sngan_generator(resolution, width, channels)
    d = sngan_discriminator(resolution, config.extras["discriminator_width"], channels)
    steps, images, latents = (
        training.discriminator_steps,
        training.discriminator_batch_size,
        training.generator_batch_size,
    )
    judged = steps * images * (g.products + 2 * (3 * d.products - d.first))
    generated = latents * (3 * g.products - g.first + 2 * d.products)
    norms = 2 * int(math.log2(resolution / 4)) + 1
    # For each norm, a sum and a sum of squares per channel: forward in every step, backward in the
    # generator's.
    statistics = norms * (steps + 2) * 2 * width
    # Collectives are the sums of the norms, with the count of pixels; the gradients of each step;
    # and two losses.
    return Step(
        judged + generated,
        latents * (g.kept + d.kept),
        g.parameters + d.parameters,
        steps * d.parameters + g.parameters + statistics,
        norms * (3 * (steps + 1) + 2) + steps + 3,
        math.gcd(images, latents),
    )


def cyclegan_generator(resolution: int, width: int, blocks: int, channels: int) -> Network:
    square, outer = (width * resolution) ** 2, 49 * channels * width * resolution**2
    products = 2 * outer + (4 * 4.5 + 18 * blocks) * square
    # For each norm, its input and its ReLU; for each padded convolution, the padded map.
    kept = width * resolution**2 * (2 * (1 + 1 / 2 + 1 / 4 + 1 / 2 + 1) + 1 + 1.25 * blocks)
    kernels = 2 * 49 * channels * width + (180 + 288 * blocks) * width**2
    # The second norm of a block and the second on the way down have no parameters.
    norms = 2 * (6 + 4 * blocks) * width
    return Network(products, outer, kept, kernels + norms + (10 + 8 * blocks) * width + channels)


def cyclegan_discriminator(resolution: int, width: int, channels: int) -> Network:
    sides = [resolution // 2, resolution // 4, resolution // 8]
    sides += [sides[-1] - 1, sides[-1] - 2]
    sizes = [channels, width, 2 * width, 4 * width, 8 * width, 1]
    layers = [16 * a * b * side**2 for a, b, side in zip(sizes, sizes[1:], sides, strict=False)]
    kept = sum(2 * b * side**2 for b, side in zip(sizes[1:-1], sides, strict=False))
    kernels = sum(16 * a * b for a, b in zip(sizes, sizes[1:], strict=False))
    return Network(sum(layers), layers[0], kept, kernels + (15 + 2 * 14) * width + 1)


def cyclegan(config: Config, channels: int) -> Step:
    training, resolution = config.training, config.data.resolution
    width = config.extras["width"]
    g = cyclegan_generator(resolution, width, config.extras["blocks"], channels)
    d = cyclegan_discriminator(resolution, config.extras["discriminator_width"], channels)
    images = training.generator_batch_size
    calls = (
        6 if config.extras["identity_weight"] else 4
    )  # of generators: translations, cycles, identities
    # Only the second half of a cycle has a gradient towards its inputs. Each discriminator passes
    # one on to a generator, then learns from two images.
    generated = calls * 3 * g.products - (calls - 2) * g.first + 2 * 2 * d.products
    judged = 2 * 2 * (3 * d.products - d.first)
    return Step(
        images * (generated + judged),
        images * (calls * g.kept + 2 * d.kept),
        2 * (g.parameters + d.parameters),
        2 * (g.parameters + d.parameters) + images * 4 * channels * resolution**2,
        4,
        images,
    )


def of(config: Config, channels: int) -> Step:
    """The cost of a resolved config's training step."""
    return {"sngan": sngan, "cyclegan": cyclegan}[config.networks.gan](config, channels)
