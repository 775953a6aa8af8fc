"""Kaggle: what is uploaded, and what is downloaded."""

from argparse import Namespace

from player_contact.cli import app
from player_contact.cli.runs import find_run


@app.command("outputs", "kaggle_user", "gpu", "pinning", "wheels", run="demo", budget="8h")
def kernel(args: Namespace) -> None:
    """Make what is uploaded to Kaggle: a dataset with bundle and wheels, and a notebook.

    Example: python -m player_contact kernel --run demo
    """
    from player_contact.inference.time_budget import parse_duration
    from player_contact.kaggle.kernel import write_kernel

    parse_duration(args.budget)
    run = find_run(args, needs="bundle")
    wheels = [] if args.wheels == ["none"] else args.wheels
    upload = write_kernel(run, args.kaggle_user, args.budget, args.gpu, args.pinning, wheels)
    print(f"dataset  {upload.dataset}\nnotebook {upload.kernel}")
    print(f"digest   {upload.digest}\nupload   {upload.megabytes:.1f} MB")


@app.command("outputs", run="demo")
def push(args: Namespace) -> None:
    """Upload a run's kernel with Kaggle's own tool, start its notebook, say how to submit.

    Example: python -m player_contact push --run demo
    """
    from player_contact.kaggle.kaggle_cli import push as push_upload
    from player_contact.kaggle.kernel import upload_of

    run = find_run(args)
    upload = upload_of(run)
    print(push_upload(upload, message=f"run {run.name} {upload.digest[:12]}"))
    print(f"digest   {upload.digest}")


@app.command("input")
def data(args: Namespace) -> None:
    """Download the competition's data with Kaggle's own tool.

    Example: python -m player_contact data
    """
    from player_contact.kaggle.kaggle_cli import download

    download(args.input)
    print(args.input)
