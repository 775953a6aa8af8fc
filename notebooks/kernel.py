# %% [markdown]
# # Player contact detection
#
# Predicts the hidden plays with a trained bundle. The attached dataset holds the bundle and the
# program that reads it; nothing is downloaded and nothing is trained here. How it was trained:
# `bundle/config.yaml` and `bundle/manifest.json`.

# %%
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

KAGGLE = Path(os.environ.get("KAGGLE_ROOT", "/kaggle"))  # another one in a rehearsal
TABLES = {
    *("sample_submission.csv", "test_player_tracking.csv"),
    *("test_baseline_helmets.csv", "test_video_metadata.csv"),
}
folders, seen, roots = {}, set(), [KAGGLE / "input"]
for root in roots:  # which grow by folders of ours that arrived zipped
    for at, subfolders, files in os.walk(root, followlinks=True):
        if (real := os.path.realpath(at)) in seen:  # a link to another input, or a loop of links
            subfolders.clear()
            continue
        seen.add(real)
        folders[Path(at)] = set(files)
        for name in {"bundle.zip", "wheels.zip"} & set(files):
            roots.append(Path(tempfile.mkdtemp()))
            shutil.unpack_archive(Path(at, name), roots[-1])


def the_only(what, found, attach):
    """The one folder that was found."""
    listed = ", ".join(map(str, found or [at for at in folders if folders[at]])) or "nothing"
    assert found, f"No input holds {what}; attached: {listed}. Attach {attach}"
    assert len(found) == 1, f"{len(found)} inputs hold {what}: {listed}. Keep {attach} alone"
    return found[0]


ours = "the dataset that `make kernel` wrote"
manifests = [at / "manifest.json" for at in folders if "manifest.json" in folders[at]]
bundles = [path.parent for path in manifests if b'"player_contact"' in path.read_bytes()]
bundle = the_only("a bundle", bundles, ours)
tables = [at for at in folders if folders[at] >= TABLES]
competition = the_only("the test tables", tables, "the competition nfl-player-contact-detection")
wheel_folders = [at for at in folders if any(at.glob("player_contact-*.whl"))]
wheel_folder = the_only("the program's wheel", wheel_folders, ours)
wheels = sorted(map(str, wheel_folder.glob("*.whl")))
names = ", ".join(Path(path).name for path in wheels)
print(f"bundle {bundle}\ncompetition {competition}\nwheels {names}")
# The manifest holds the SHA-256 of every other file, and reading the bundle checks them.
digest = hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest()
print(f"digest {digest}")
if digest != "{made_for}":
    print("The notebook was made for another bundle, {made_for}. Is an old version attached?")

# %% [markdown]
# The program, and packages that this image lacks, come as wheels.

# %%
pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
subprocess.run([*pip, *wheels], check=True)

# %% [markdown]
# A play whose video is broken, whose process dies or for which there is no time is decided by what
# is left. The submission is complete from the first minute on, and replaced by better ones. Where
# all fails at once, it is tried again without vision.

# %%
submit = [sys.executable, "-m", "player_contact.kaggle.submit", "--bundle", bundle]
submit += ["--input", competition, "--output", KAGGLE / "working" / "submission.csv"]
subprocess.run([*submit, "--budget", "{budget}"], check=True)
