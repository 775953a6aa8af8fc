"""The command line of the benchmarks, run from a clone: `python -m benchmarks --help`."""

from argparse import Namespace
from pathlib import Path

from player_contact.cli.command_line import CommandLine
from player_contact.cli.options import RUN_OPTIONS
from player_contact.cli.runs import config_of, make_run, simulated_season

CONFIGS = Path("configs")

app = CommandLine("benchmarks", "Benchmarks of speed and of encoders.")


@app.command(
    "set", "outputs", "video", "workers", "vision", config=Path("configs/cpu.yaml"), plays=240
)
def bench(args: Namespace) -> None:
    """Time every stage beside limits and alternatives, and write bench/bench.json of the outputs.

    Tables of a simulated season, videos of four plays, and made-up images for the vision model;
    bench/families.svg draws what a step costs in both families of those.
    Example: python -m benchmarks bench --plays 240 --video 0
    """
    from benchmarks.bench_families import bench_families, plot_growth
    from benchmarks.bench_features import bench_features
    from benchmarks.bench_helmets import bench_helmets
    from benchmarks.bench_table import bench_text
    from benchmarks.bench_video import FILMED_PLAYS, bench_video
    from benchmarks.bench_vision import bench_vision
    from player_contact.utils.files import write_json
    from player_contact.utils.parallel import worker_count

    config = config_of(args)

    def simulate(**changes: int) -> Path:
        return simulated_season(args, config.season.model_copy(update=changes))

    distance, workers = config.screen.max_distance, worker_count(args.workers)
    lines = bench_features(simulate(video=False), distance, workers)
    if config.season.video:
        filmed = simulate(plays=FILMED_PLAYS, test_plays=1)
        lines += bench_video(filmed, config) + bench_helmets(filmed)
    if args.vision:
        families = bench_families(config)
        lines += bench_vision(config) + families
        plot_growth(families, args.outputs / "bench" / "families.svg")
    results = {line.stage: line.as_dict() for line in lines}
    write_json(results, args.outputs / "bench" / "bench.json")
    print(bench_text(lines))


@app.command(*RUN_OPTIONS, "encoders", "score")
def encoders(args: Namespace) -> None:
    """Print what encoders cost, and how their gradients fare; write bench/encoders.json.

    Example: python -m benchmarks encoders --encoders resnet18 contact_resnet18:shortcut=none
    """
    from benchmarks.bench_encoders import ENCODERS, encoder_cost, encoders_text, with_encoder
    from player_contact.pipeline.runner import run_pipeline, vision_fingerprint
    from player_contact.pipeline.variants import score_variants
    from player_contact.utils.files import write_json

    run = make_run(args) if args.score else None
    config, names = config_of(args), args.encoders or list(ENCODERS)  # of the run, if there is one
    configs = {name: with_encoder(config, name) for name in names}
    costs = [encoder_cost(config, name) for name in names]
    scores: dict[str, float] = {}
    if run:
        print(encoders_text(costs, scores, config))  # what follows takes long
        run_pipeline(run, "crops")
        keys = {name: vision_fingerprint(run, configs[name]) for name in names}
        scores = {score.name: score.mcc for score in score_variants(run, configs, keys)}
    results = [cost.as_dict() | {"mcc": scores.get(cost.name)} for cost in costs]
    write_json(results, args.outputs / "bench" / "encoders.json")
    print(encoders_text(costs, scores, config))


@app.command("outputs", "workers", run="gpu-check")
def gpu_check(args: Namespace) -> int:
    """Try the GPUs before a long run: a small run on them, audited without them; speed and memory.

    Example: python -m benchmarks gpu-check
    """
    from benchmarks.gpu_check import (
        SMALL_RUN,
        audit_without_gpu,
        configs_for_gpus,
        measure_config,
        require_gpu,
        speeds_text,
    )
    from player_contact.pipeline.runner import run_pipeline

    print("\n".join(require_gpu()))
    args.config, args.set = CONFIGS / "tiny.yaml", list(SMALL_RUN)
    args.input = simulated_season(args, config_of(args).season)
    run = make_run(args, may_be_new=True)
    run_pipeline(run)
    passed = audit_without_gpu(run)
    configs = configs_for_gpus(CONFIGS).items()
    speeds = (speed for name, config in configs for speed in measure_config(name, config))
    for line in speeds_text(speeds):
        print(line, flush=True)
    return int(not passed)


if __name__ == "__main__":
    app.main()
