"""A compressor in one file: prunes the trained dense GAN at once, and its weights train on."""

import dataclasses

from tf_gan_lth.experiment.config import option
from tf_gan_lth.methods.candidate import Candidate
from tf_gan_lth.methods.method import Method, register
from tf_gan_lth.pruning.masks import magnitudes


@dataclasses.dataclass(frozen=True)
class Options:
    """Toy compressor"""

    share: float = option(0.5, "share of the prunable weights that stay", low=0.01, high=1.0)


@register(name="toy_compressor")
class ToyCompressor(Method):
    """Magnitude pruning in one step, then finetuning."""

    Options = Options

    def complaints(self, config, gan):
        if config.lottery.rewind_step:
            yield "--rewind_step is for tickets: toy_compressor rewinds nothing"

    def candidates(self, bench, replicate):
        initial = replicate.initial.get_or(bench.fresh_weights, replicate.number)
        dense, small = replicate.round(0), replicate.round(1)
        yield Candidate(dense, initial, bench.masks_or(dense, dict, bench.full_masks))
        trained = dense.weights.get()
        masks = bench.masks_or(small, self._prune, bench, trained)
        yield Candidate(small, trained, masks)

    def _prune(self, bench, trained):
        share = bench.options(Options).share
        return {
            name: mask.keep(mask.pool(magnitudes(trained[name])), round(share * mask.total))
            for name, mask in bench.full_masks.items()
        }
