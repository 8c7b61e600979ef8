r"""Exports a ticket in several formats, with a card of what each takes.

    tf-gan-lth export --ticket=runs/demo/replicate_0/round_05 --format=tflite,weights \
        --output=ticket
    tf-gan-lth export --ticket=runs/stripes/replicate_0/round_03 --direction=a2b \
        --format=saved_model,tflite,tflite_int8 --output=a2b

The ticket is a round of a run or a branch of one, RUN/replicate_0/round_05/branches/random_mask;
round_00 is the dense generator. A ticket of channels is exported without them. Each format is
compared with Keras on the same inputs before anything is there. A card with speeds is kept in the
round too, for the report. docs/exports.md says what is in the files.
"""

import functools

from absl import flags

from tf_gan_lth.cli import command_line, names, outputs, sources
from tf_gan_lth.experiment.errors import UsageError

MEASURES = ("speed", "memory", "scores")
FORMAT = names.Accepted("format", lambda chosen: sources.registered("export/formats.py"))


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    export = functools.partial(command_line.define_flag, values, "Export")
    export("ticket", str, None, "RUN/replicate_0/round_05, or a branch of it; required")
    export("format", tuple, ("saved_model",), "formats, by commas", FORMAT)
    export("output", str, None, "new folder for the files and the card; required")
    export(
        "direction",
        str,
        None,
        "a2b or b2a, of a GAN that translates",
        names.DIRECTION,
    )
    export(
        "measure",
        tuple,
        MEASURES,
        "what the card measures beside bytes, here and now: speed (milliseconds an image), memory,"
        " scores (FID and the others, under the run's protocol); empty: nothing",
        names.words("measure", MEASURES),
    )
    flags.mark_flags_as_required(["ticket", "output"], flag_values=values)


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    if not values.format:
        raise UsageError("--format names no format: give one, such as --format=tflite")
    output = outputs.new_on_disk(values.output, "output")
    command_line.start_tensorflow(values, "export")
    from tf_gan_lth.export import bundle, cards, tickets

    found = tickets.find(values.ticket, values.direction)
    card = bundle.export(found, values.format, output, values.measure)
    print(cards.page(card))
    print(f"written to {output}")
