"""A plan as it is printed: stages, what would not fit, what is assumed, and other machines."""

import shutil
from dataclasses import dataclass

from player_contact.inference.time_budget import duration_text
from player_contact.pipeline.run import Run
from player_contact.utils.parallel import local_workers
from run_checks.gpu_estimate import GpuWork, gpu_lines
from run_checks.measured_play import MEGABYTE, Cost


@dataclass(frozen=True)
class Size:
    """Of a run: plays and label rows of training, plays with videos, and plays to predict."""

    plays: int
    rows: int
    filmed: int
    test_plays: int


@dataclass(frozen=True)
class StagePlan:
    """What a stage will take; `source`: what was measured, and how it was scaled."""

    stage: str
    rows: int
    cost: Cost
    source: str = ""


@dataclass(frozen=True)
class Plan:
    """The stages of a run; of their candidates, as many stay open as `open_text` says; what vision
    would compute on a GPU, where there is none."""

    stages: list[StagePlan]
    open_text: str
    gpu_work: tuple[GpuWork, ...] = ()


def plan_text(plan: Plan, size: Size, run: Run) -> str:
    """The table, and a line for whatever would not fit."""
    import psutil

    folder = next(path for path in (run.folder, *run.folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(folder).free / MEGABYTE
    memory = psutil.virtual_memory().total / MEGABYTE
    total = StagePlan("all", size.rows, sum((stage.cost for stage in plan.stages), Cost()))
    lines = [
        f"{size.plays} plays, {size.filmed} with videos, {size.test_plays} to predict; "
        f"{run.config.folds} folds; {local_workers(run.workers)} at a time",
        f"{'':12}{'rows':>12}{'time':>14}{'disk MB':>10}{'memory MB':>11}  measured, and scaled",
    ]
    lines += [
        f"{stage.stage:12}{stage.rows:12,}{duration_text(stage.cost.seconds):>14}"
        f"{stage.cost.disk_mb:10,.0f}{stage.cost.memory_mb:11,.0f}  {stage.source}".rstrip()
        for stage in (*plan.stages, total)
    ]
    if total.cost.disk_mb > free:
        lines.append(
            f"Would not fit: {total.cost.disk_mb:,.0f} MB of outputs, of which {free:,.0f} MB are "
            "free"
        )
    if total.cost.memory_mb > memory:
        fewer = ". Try fewer WORKERS" if local_workers(run.workers) > 1 else ""
        lines.append(
            f"Would not fit: {total.cost.memory_mb:,.0f} MB of memory, and the machine has "
            f"{memory:,.0f}{fewer}"
        )
    if run.config.vision.num_workers:
        lines.append(
            "Vision is counted without vision.num_workers: on cores of their own they save time."
        )
    lines.append(plan.open_text)
    return "\n".join(lines + (gpu_lines(plan.gpu_work) if plan.gpu_work else []))
