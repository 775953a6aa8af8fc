# %% [markdown]
# # Player contact detection
#
# Predicts the hidden plays with a trained bundle. The attached dataset holds the bundle and the
# program that reads it; nothing is downloaded and nothing is trained here. How it was trained:
# `bundle/config.yaml` and `bundle/manifest.json`.

# %%
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

KAGGLE = Path(os.environ.get("KAGGLE_ROOT", "/kaggle"))  # another one in a rehearsal
NEEDED = (
    "av cv2 joblib lightgbm numpy omegaconf pandas pandera pyarrow pydantic safetensors scipy "
    "sklearn timm torch torchvision tqdm"
)

manifests = (KAGGLE / "input").rglob("manifest.json")
bundle = next(
    path.parent for path in manifests if '"player_contact"' in path.read_text(encoding="utf-8")
)
competition = next((KAGGLE / "input").rglob("sample_submission.csv")).parent
wheel = next((KAGGLE / "input").rglob("player_contact-*.whl"))
wheels = sorted(map(str, wheel.parent.glob("*.whl")))
names = ", ".join(Path(path).name for path in wheels)
print(f"bundle {bundle}\ncompetition {competition}\nwheels {names}")

# %% [markdown]
# The program, and packages that this image lacks, come as wheels.

# %%
pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
subprocess.run([*pip, *wheels], check=True)
importlib.invalidate_caches()
missing = [name for name in NEEDED.split() if importlib.util.find_spec(name) is None]
assert not missing, (
    f"This image lacks {', '.join(missing)}. Make the kernel again with their packages: "
    "make kernel WHEELS=..."
)

# %% [markdown]
# A play whose video is broken, whose process dies or for which there is no time is decided by what
# is left. The submission is always complete.

# %%
predict = [sys.executable, "-m", "player_contact", "predict", "--bundle", bundle]
predict += ["--input", competition, "--output", KAGGLE / "working" / "submission.csv"]
subprocess.run([*predict, "--budget", "{budget}", "--mend"], check=True)
