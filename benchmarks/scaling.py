"""What does a training step cost by formula, and what does that predict for many GPUs?

    python benchmarks/scaling.py --flagfile=flags/sngan_cifar10_imp_g.flags
    python benchmarks/scaling.py --flagfile=flags/sngan_cifar10_imp_g.flags --resolution=256
    python benchmarks/scaling.py --flagfile=flags/cyclegan_summer2winter_imp_g.flags

The costs are work, memory and bytes exchanged. The work is checked against the products in the
step's own graph, the parameters against the networks. docs/scaling.md explains the formulas and
their checks. The speed of the GPUs is assumed, and given by flags.
"""

import contenders
import costs
from absl import flags

from tf_gan_lth.cli import command_line
from tf_gan_lth.experiment.errors import ToolkitError

REPLICAS = (1, 8, 64, 512)

command_line.define_config_flags(flags.FLAGS)
for name, default, unit in (
    (
        "teraflops",
        100.0,
        "10^12 floating point operations a second that a GPU does in these networks",
    ),
    ("launch_microseconds", 4.0, "time of a GPU's smallest operation, one of the graph's"),
    (
        "node_gigabytes",
        200.0,
        "10^9 bytes a second that a GPU exchanges with others of its machine",
    ),
    ("network_gigabytes", 25.0, "10^9 bytes a second that a GPU exchanges with other machines"),
    ("node_microseconds", 20.0, "least time of an all-reduce within a machine"),
    ("network_microseconds", 80.0, "least time of an all-reduce between machines"),
    ("node_gpus", 8.0, "GPUs of a machine"),
):
    command_line.define_flag(flags.FLAGS, "GPUs (assumed)", name, float, default, unit)


def main(values: flags.FlagValues) -> None:
    config = contenders.resolved(command_line.config_from_flags(values))
    step = costs.of(config, contenders.CHANNELS)
    model, counted, operations = contenders.step_graph(config)
    there = sum(
        variable.shape.num_elements()
        for role in ("generator", "discriminator")
        for variable in model.parameters(role)
    )
    print(
        f"work       {step.products / 1e9:,.2f} G products by formula, {counted / 1e9:,.2f} G in"
        " the step's graph"
    )
    print(f"parameters {step.parameters:,} by formula, {there:,} in the networks")
    if abs(step.products / counted - 1) > 0.01 or step.parameters != there:
        raise ToolkitError(
            f"the formulas do not fit: {step.products:,} products of {counted:,},"
            f" {step.parameters:,} parameters of {there:,}"
        )
    maps, parameters = costs.FLOAT * step.kept / 2**20, 6 * costs.FLOAT * step.parameters / 2**20
    print(f"memory     {maps:,.0f} MiB of maps, {parameters:,.0f} MiB for the parameters")
    print(
        f"exchange   {costs.FLOAT * step.exchanged / 2**20:,.1f} MiB summed over the replicas, in"
        f" {step.collectives} sums"
    )
    print(f"graph      {operations:,} operations that compute\n")
    predict(values, step, operations)


def predict(values: flags.FlagValues, step: costs.Step, operations: int) -> None:
    """Prints how long a step should take on several GPUs, as the flags assume them."""
    print(
        "| GPUs | images a GPU | compute, ms | launches | exchange | step | times one GPU |"
        " efficiency |"
    )
    print("|---|---|---|---|---|---|---|---|")
    alone = None
    for replicas in REPLICAS:
        if step.batch % replicas:
            print(f"| {replicas} | - | {step.batch} images cannot be shared out | | | | | |")
            continue
        compute = 2 * step.products / replicas / values.teraflops / 1e12
        launches = operations * values.launch_microseconds / 1e6
        within = replicas <= values.node_gpus
        rate = (values.node_gigabytes if within else values.network_gigabytes) * 1e9
        latency = (values.node_microseconds if within else values.network_microseconds) / 1e6
        sent = 2 * (replicas - 1) / replicas * costs.FLOAT * step.exchanged
        exchange = sent / rate + step.collectives * latency if replicas > 1 else 0.0
        whole = max(compute, launches) + exchange
        alone = alone or whole
        cells = [f"{1000 * seconds:.1f}" for seconds in (compute, launches, exchange, whole)]
        speedup = alone / whole
        print(
            f"| {replicas} | {step.batch // replicas} | {' | '.join(cells)} | {speedup:.1f} |"
            f" {speedup / replicas:.0%} |"
        )


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
