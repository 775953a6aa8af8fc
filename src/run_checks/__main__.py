"""The command line of the checks: `python -m run_checks --help`."""

from argparse import Namespace
from pathlib import Path

from player_contact.cli.command_line import CommandLine
from player_contact.cli.options import INPUT, RUN_OPTIONS, SEASON_OPTIONS
from player_contact.cli.runs import (
    config_of,
    find_run,
    has_data,
    make_run,
    season_to_plot,
    simulated_season,
)

SEASON_INPUT = (None, "a season's folder; the config's simulated season if not given")
TRACKING_INPUT = (Path, "a table of real 10 Hz tracking, CSV or Parquet; see docs/checks.md")
TRAINING_INPUT = (INPUT, "the folder whose data the run was trained on, as INPUT= named it then")
FIRST_PLAYS = (24, "plays whose clock and boxes are looked at, evenly spread")
HIDDEN_SEED, DAMAGED_SEED = 1000, 2000  # added to the seed of the season that a run trained on

app = CommandLine(
    "run_checks", "Checks of this machine, of the simulated season, and of a finished run."
)


@app.command("input", "outputs")
def doctor(args: Namespace) -> int:
    """Print what is installed, the device, the data and the runs, and what to type next.

    Example: python -m run_checks doctor
    """
    from run_checks.doctor import examine, findings_text

    findings = examine(args.input, args.outputs)
    print(findings_text(findings))
    return int(any(finding.broken for finding in findings))


@app.command(*RUN_OPTIONS)
def plan(args: Namespace) -> None:
    """Print what a run takes on this machine, stage by stage, measured on a few plays.

    Example: python -m run_checks plan --config configs/gpu.yaml
    """
    from player_contact.competition.season import read_season
    from player_contact.utils.parallel import worker_count
    from run_checks.plan import make_plan, seconds_to_read, size_of
    from run_checks.plan_season import plan_season
    from run_checks.plan_table import Size, plan_text
    from season_simulator.season_writer import SeasonSettings

    season, simulates = config_of(args).season, args.input == INPUT and not has_data(INPUT)
    if simulates:
        parent, workers = args.outputs / "seasons", worker_count(args.workers)
        args.input = plan_season(parent, SeasonSettings(**season.model_dump()), workers)
    run = make_run(args, may_be_new=True)
    test_plays = len(read_season(run.input, "test").game_plays)  # first: the first table is slower
    reading = seconds_to_read(run)
    size = size_of(run.season, test_plays)
    if simulates:  # then the run would simulate a season of this size
        rows = round(size.rows / size.plays * season.plays)
        size = Size(season.plays, rows, season.plays * season.video, season.test_plays)
    print(plan_text(make_plan(run, size, reading), size, run))


@app.command("outputs", "workers", run="demo", input=TRAINING_INPUT)
def audit(args: Namespace) -> int:
    """Check that nothing a run predicted was known to the models, thresholds and features.

    Example: python -m run_checks audit --run demo
    """
    from run_checks.audit import audit as audit_run
    from run_checks.audit import audit_text

    folder = find_run(args, needs="config.yaml")
    own = {"config": folder / "config.yaml", "set": [], "outputs": folder.parent}
    results = audit_run(make_run(Namespace(**vars(args) | own | {"run": folder.name})))
    print(audit_text(results))
    return int(not all(result.passed for result in results))


@app.command("outputs", "workers", run="demo")
def damage_check(args: Namespace) -> int:
    """Damage a play's tables and videos in every known way, and predict each with a run's bundle.

    Example: python -m run_checks damage-check --run demo
    """
    from run_checks.damage_check import check_damages, outcomes_text

    bundle, folder = _bundle_and_season(args, DAMAGED_SEED, test_plays=1, median_steps=24)
    outcomes = check_damages(bundle, folder)
    print(outcomes_text(outcomes))
    return int(any(outcome.is_faulty for outcome in outcomes))


@app.command("outputs", "workers", run="demo", plays=6)
def budget_check(args: Namespace) -> int:
    """Predict plays of another season with enough time, without videos, and with a third of it.

    Example: python -m run_checks budget-check --run demo
    """
    from player_contact.config import load_config
    from player_contact.utils.parallel import worker_count
    from run_checks.budget_check import budget_text, check_budget

    bundle, folder = _bundle_and_season(args, HIDDEN_SEED, test_plays=args.plays)
    threads = load_config(bundle / "config.yaml").num_threads
    check = check_budget(bundle, folder, worker_count(args.workers, threads))
    print(budget_text(check))
    return int(not check.in_time)


@app.command("outputs", "workers", run="demo", input=TRACKING_INPUT)
def motion_check(args: Namespace) -> int:
    """Look for the first contacts with the ball carrier in real tracking, with a run's bundle.

    Example: python -m run_checks motion-check --run demo --input tracking.parquet
    """
    from player_contact.config import load_config
    from player_contact.utils.parallel import worker_count
    from run_checks.motion_check import check_motion, motion_text

    bundle = find_run(args, needs="bundle") / "bundle"
    threads = load_config(bundle / "config.yaml").num_threads
    check = check_motion(bundle, args.input, worker_count(args.workers, threads))
    print(motion_text(check))
    return int(not check.is_enough)


@app.command("kills", "interrupt", seed=1)
def kill_check(args: Namespace) -> None:
    """Kill a tiny run again and again, and compare what comes out with an undisturbed run.

    Example: python -m run_checks kill-check --kills 30
    """
    from run_checks.kill_check import check_kills

    check_kills(args.kills, args.seed, args.interrupt)


@app.command(*SEASON_OPTIONS, input=SEASON_INPUT)
def season_check(args: Namespace) -> int:
    """Print a season's statistics, and how hard it is, beside real plays.

    Example: python -m run_checks season-check --plays 80 --video 0
    """
    from player_contact.competition.season import read_season
    from player_contact.utils.parallel import worker_count
    from run_checks.difficulty import ENOUGH_PLAYS, difficulty_text, is_within, measure_difficulty
    from run_checks.season_check import BEFORE_NOISE, ceilings, check_season, check_text

    config = config_of(args)
    folder = args.input or simulated_season(args, config.season)
    scores = ceilings(folder)
    print(check_text(check_season(folder), scores))
    if (plays := len(read_season(folder, "train").game_plays)) < ENOUGH_PLAYS:
        print(f"How hard it is takes {ENOUGH_PLAYS} plays to tell; here are {plays}.")
        return 0
    workers = worker_count(args.workers, config.num_threads)
    difficulty = measure_difficulty(folder, config, scores.get(BEFORE_NOISE), workers)
    print(f"\n{difficulty_text(difficulty)}")
    return int(not is_within(difficulty).all())


@app.command(*SEASON_OPTIONS, "detector", "detect", "split", "frame", "clip", input=SEASON_INPUT)
def boxes_check(args: Namespace) -> None:
    """Hide helmet boxes and swap their ids, and print what registration makes of them.

    With --detect also how well helmets are found and named in so many simulated plays; with --frame
    and --clip alone, what is found in an image and a video.
    Example: python -m run_checks boxes-check --input input/nfl-player-contact-detection
    """
    from player_contact.config import detector_file
    from player_contact.utils.parallel import worker_count
    from run_checks.measures import measures_text

    detector, workers = detector_file(args.detector), worker_count(args.workers)
    if args.frame or args.clip:
        from player_contact.detection.detect import load_detector
        from run_checks.helmets_look import check_clip, check_image

        for path, check in ((args.frame, check_image), (args.clip, check_clip)):
            if path:
                name = f"{Path(path).stem}_helmets.png"
                print(check(Path(path).resolve(), load_detector(detector), args.outputs / name))
        return
    folder = args.input or simulated_season(args, config_of(args).season)
    if args.detect:
        from player_contact.competition.season import read_season
        from run_checks.helmets_check import check_helmets

        season = read_season(folder, args.split)
        table = check_helmets(season, folder / "truth", args.detect, detector, workers)
    else:
        from run_checks.boxes_check import check_boxes

        table = check_boxes(folder, workers)
    print(measures_text(table))


@app.command("input", "outputs", "workers", plays=FIRST_PLAYS)
def first_look(args: Namespace) -> int:
    """Look at data before any training: tables, videos, clocks, boxes, names, quick scores.

    Example: python -m run_checks first-look --input input/nfl-player-contact-detection
    """
    from player_contact.utils.parallel import worker_count
    from run_checks.first_look import first_look as look

    folder, sheet = season_to_plot(args), args.outputs / "first-look" / "frames.jpg"
    is_ok = True
    for line in look(folder, sheet, args.plays, worker_count(args.workers)):
        print(line, flush=True)
        is_ok &= not line.faults
    return int(not is_ok)


@app.command("outputs", "workers", run="demo", plays=6, kills=10, seed=1)
def submission_check(args: Namespace) -> None:
    """Kill, starve and damage what the notebook runs: a whole submission each time.

    Example: python -m run_checks submission-check --run demo --kills 10
    """
    from run_checks.submission_check import check_submissions

    bundle, folder = _bundle_and_season(args, HIDDEN_SEED, test_plays=args.plays)
    for line in check_submissions(bundle, folder, args.kills, args.seed):
        print(line, flush=True)


@app.command("outputs", "workers", "image", run="demo", plays=6)
def kernel_check(args: Namespace) -> None:
    """Run a run's notebook on Kaggle's versions, offline, on simulated plays of another season.

    Example: python -m run_checks kernel-check --run demo
    """
    from player_contact.kaggle.kernel import upload_of
    from run_checks.kernel_check import check_kernel, kernel_check_text

    upload = upload_of(find_run(args))
    _, folder = _bundle_and_season(args, HIDDEN_SEED, test_plays=args.plays)
    print(kernel_check_text(check_kernel(upload, folder, image=args.image)))


def _bundle_and_season(args: Namespace, seed: int, **changes: int) -> tuple[Path, Path]:
    """A run's bundle, and a small filmed season as it was trained on, of another seed."""
    from player_contact.config import load_config
    from player_contact.utils.errors import ConfigError

    bundle = find_run(args, needs="bundle") / "bundle"
    if changes["test_plays"] < 1:
        raise ConfigError(f"--plays {changes['test_plays']}: expected at least one play")
    season = load_config(bundle / "config.yaml").season
    changes |= {"seed": season.seed + seed, "plays": 4, "video": True}
    return bundle, simulated_season(args, season.model_copy(update=changes))


if __name__ == "__main__":
    app.main()
