"""The token family: its rows, windows, model, training and scoring."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from player_contact.config import AugmentConfig, TtaConfig
from player_contact.play import Rows
from player_contact.video.crops import median_size
from player_contact.video.step_boxes import step_boxes
from player_contact.vision.clips import MAX_PLAYERS, NO_CROP
from player_contact.vision.dataset import MicroBatch, visible_views
from player_contact.vision.device import make_fabric
from player_contact.vision.model import ContactModel
from player_contact.vision.sampling import TrainingPhase, clip_loss, image_loss
from player_contact.vision.scoring import embed_rows, predict_logits
from player_contact.vision.token_data import (
    OF_PLAYERS,
    collate_windows,
    epoch_dataset,
    split_windows,
    token_labels,
)
from player_contact.vision.token_model import TokenModel
from player_contact.vision.token_rows import (
    GEOMETRY,
    player_geometry,
    rows_with_images,
    split_into_windows,
    token_rows,
)
from player_contact.vision.token_scoring import predict_from_embeddings
from player_contact.vision.train import Trainer, TrainingJob, train_model
from tests.makers import all_rows, make_open_rows, make_play, make_token_rows, plays
from tests.vision.conftest import NO_AUGMENT, as_if_trained, tiny

ROWS, LABEL = make_token_rows()
CONFIG = tiny(family="tokens", tabular=("distance", "step"), batch_size=2)
PLAIN = CONFIG.model_copy(update={"augment": NO_AUGMENT, "dropout": 0.0})
CLIPS = TrainingPhase("clips", 1, 1, 2)


def trained(**settings) -> TokenModel:
    torch.manual_seed(4)
    model = as_if_trained(TokenModel(PLAIN.model_copy(update=settings), 3)).eval()
    for parameter in model.context.parameters():  # at first it changes nothing
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture(scope="module")
def model():
    return trained()


def batch_of(windows=2, config=PLAIN):
    data = epoch_dataset(CLIPS, ROWS, LABEL, config, np.random.default_rng(0), (1,))
    return collate_windows([data[index] for index in range(windows)])


def inputs(batch):
    return {name: batch[name] for name in batch if name not in ("label", "image_label")}


@given(st.integers(1, 9), st.integers(0, 8))
def test_every_row_and_player_is_in_one_window_with_its_own_players(length, offset):
    windows = split_into_windows(ROWS, length, offset)
    for name, count in (("rows", len(ROWS)), ("players", len(ROWS.players))):
        index = np.concatenate([getattr(one, name).ravel() for one in windows])
        assert sorted(index[index >= 0]) == list(range(count))
    for one in windows:
        for clip, first, second in zip(one.rows, one.first, one.second, strict=True):
            at = clip >= 0
            assert (one.players[first][at] == ROWS.first[clip[at]]).all()
            assert (one.players[second][at] == ROWS.second[clip[at]]).all()


@given(plays(), st.integers(0, 2**31))
@settings(max_examples=20)
def test_images_are_cut_of_the_open_rows_or_of_each_player_in_them_once(play, seed):
    rows = all_rows(play)
    is_open = np.random.default_rng(seed).random(len(rows)) < 0.3
    opened = rows[is_open]
    wanted = {*zip(opened.step, opened.first, strict=True)}
    wanted |= {
        (step, second)
        for step, second in zip(opened.step, opened.second, strict=True)
        if second >= 0
    }
    chosen = rows_with_images(rows, is_open, {"tokens"})
    assert rows[chosen].is_ground.all()
    assert {*zip(rows[chosen].step, rows[chosen].first, strict=True)} == wanted
    assert (rows_with_images(rows, is_open, {"pairs"}) == is_open).all()
    assert (rows_with_images(rows, is_open, {"pairs", "tokens"}) == (is_open | chosen)).all()


def test_a_player_without_a_crop_is_a_token_without_images():
    players = ROWS.players
    kept = players.track % MAX_PLAYERS**2 != MAX_PLAYERS  # all but player 1
    rows = token_rows(ROWS.rows, players[kept], ROWS.geometry[kept])
    assert len(rows.players) == len(players)
    missing = rows.players.crop_index == NO_CROP
    assert missing.sum() == (~kept).sum()
    assert np.isnan(rows.players.tabular[missing]).all()
    assert not visible_views(rows.players, np.flatnonzero(missing), CONFIG).any()
    torch.manual_seed(0)
    assert np.isfinite(predict_logits(TokenModel(CONFIG, 3).eval(), rows, CONFIG, 1)).all()
    assert np.array_equal(rows.is_visible, ~missing[rows.first] | ~missing[rows.second])


def test_players_who_are_in_no_row_are_left_out():
    pairs = ROWS.rows[ROWS.rows.track % MAX_PLAYERS == 2]  # of the players 0 and 1
    rows = token_rows(pairs, ROWS.players, ROWS.geometry)
    player = rows.players.track // MAX_PLAYERS % MAX_PLAYERS
    assert set(player.tolist()) == {0, 1}
    assert (rows.players.step[rows.first] == pairs.step).all()


def test_geometry_is_relative_to_all_players_and_knows_where_they_go_and_face():
    play = make_play(steps=3, players=4)
    play.position[:] = [[0, 0], [10, 0], [0, 10], [10, 10]]
    play.direction[:], play.orientation[:], play.speed[:] = 90, 180, 5
    rows = Rows(*(np.array(values) for values in ([0, 1], [0, 2], [0, 3], [-1, -1])))
    values = dict(zip(GEOMETRY, player_geometry(play, rows, 0).T, strict=True))
    np.testing.assert_allclose(values["along"], [-0.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(values["across"], [-0.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(values["speed_along"], 0.5, atol=1e-6)  # along +x
    np.testing.assert_allclose(values["speed_across"], 0, atol=1e-6)
    np.testing.assert_allclose(values["facing"], 0, atol=1e-6)
    np.testing.assert_allclose(values["facing_across"], -1, atol=1e-6)  # to -y
    play.position[2, 3] = np.nan
    assert np.isnan(player_geometry(play, rows, 0)[1, :2]).all()


@given(plays())
@settings(max_examples=10)
def test_geometry_in_images_is_counted_in_helmets(play):
    rows = all_rows(play)
    rows = rows[rows.is_ground]
    geometry = pd.DataFrame(player_geometry(play, rows, 0), columns=GEOMETRY)
    for name, view in play.views.items():
        boxes = step_boxes(play, view, 0)
        right = boxes.centre[rows.step, rows.first, 0]
        helmet = median_size(boxes)[rows.step]
        seen = ~np.isnan(right)
        column = geometry[f"{name.lower()}_right"].to_numpy()
        assert np.array_equal(~np.isnan(column), seen)
        for step in np.unique(rows.step[seen]):
            at = seen & (rows.step == step)
            expected = (right[at] - right[at].mean()) / helmet[at] / 10
            np.testing.assert_allclose(column[at], expected, atol=1e-4)


def test_the_order_of_a_pair_does_not_change_its_logit(model):
    batch = inputs(batch_of())
    swapped = batch | {"first": batch["second"], "second": batch["first"]}
    assert torch.equal(model(**batch)[0], model(**swapped)[0])


def test_the_order_of_players_does_not_change_logits(model):
    batch = inputs(batch_of(1))
    images = batch.pop("images")
    x = model.embed_images(images)
    order = torch.randperm(len(batch["sample"]), generator=torch.manual_seed(1))
    moved = {name: v[order] if name in OF_PLAYERS else v for name, v in batch.items()}
    moved |= {name: order.argsort()[batch[name]] for name in ("first", "second")}
    number = torch.full(batch["visible"].shape, -1)
    number[batch["visible"]] = torch.arange(len(x))
    moved_x = x[number[order][moved["visible"]]]
    expected = model.forward_clips(x, **batch)
    torch.testing.assert_close(
        model.forward_clips(moved_x, **moved), expected, rtol=1e-4, atol=1e-5
    )


def test_windows_of_a_batch_do_not_see_each_other(model):
    data = epoch_dataset(CLIPS, ROWS, LABEL, PLAIN, np.random.default_rng(0), (1,))
    alone = [model(**inputs(collate_windows([data[index]])))[0] for index in range(2)]
    together = model(**inputs(batch_of()))[0]
    mask = batch_of()["step_mask"]
    torch.testing.assert_close(torch.cat(alone)[mask], together[mask], rtol=1e-3, atol=1e-4)


def test_players_see_those_of_their_own_step_alone():
    """Without temporal layers, by which other steps see them too."""
    model, batch = trained(temporal="none"), inputs(batch_of(1))
    x = model.embed_images(batch.pop("images"))
    other = batch | {"geometry": batch["geometry"].clone()}
    stranger, step = len(batch["sample"]) - 1, 1
    other["geometry"][stranger, step] += 3
    rows = (batch["first"] != stranger) & (batch["second"] != stranger)
    changed = (model.forward_clips(x, **other) - model.forward_clips(x, **batch))[rows].abs()
    assert changed[:, step].max() > 1e-4
    changed[:, step] = 0
    assert changed.max() == 0


def test_a_step_without_anybody_has_finite_logits(model):
    batch = inputs(batch_of(1))
    batch["visible"][:, 0], batch["present"][:, 0] = False, False
    images = torch.zeros(int(batch["visible"].sum()), *batch.pop("images").shape[1:])
    assert torch.isfinite(model(images=images, **batch)[0]).all()


@pytest.mark.slow
def test_parts_of_a_batch_have_its_loss_and_gradients():
    torch.manual_seed(0)
    model, batch = TokenModel(PLAIN, 3).eval(), batch_of()

    def losses(parts):
        model.zero_grad()
        total = sum(clip_loss(model, part, 0.5) + image_loss(model, part) for part in parts)
        total.backward()
        return total.item(), [p.grad.clone() for p in model.parameters() if p.grad is not None]

    whole, gradients = losses([MicroBatch(batch)])
    in_parts, others = losses(split_windows(batch, 2))
    assert in_parts == pytest.approx(whole, rel=1e-5)
    torch.testing.assert_close(others, gradients, rtol=1e-3, atol=1e-5)


def test_labels_of_players_are_those_of_their_rows():
    label = np.random.default_rng(2).random(len(ROWS)) < 0.1
    touching, lying = set(), set()
    for row in np.flatnonzero(label):
        players = {int(ROWS.first[row]), int(ROWS.second[row])}
        (lying if ROWS.is_ground[row] else touching).update(players)
    anyone, ground = token_labels(ROWS, label).player.T
    assert set(np.flatnonzero(anyone).tolist()) == touching
    assert set(np.flatnonzero(ground).tolist()) == lying


def test_the_same_seed_gives_the_same_sample_and_another_one_not():
    config = CONFIG.model_copy(update={"augment": AugmentConfig(freeze_frames_prob=0.5)})

    def sample(seed):
        rng = np.random.default_rng(0)
        return epoch_dataset(CLIPS, ROWS, LABEL, config, rng, seed)[1]["images"]

    assert torch.equal(sample((1,)), sample((1,)))
    assert not torch.equal(sample((1,)), sample((2,)))


def test_mirrored_windows_are_mirrored_in_images_and_geometry():
    straight, mirrored = (
        epoch_dataset(
            CLIPS,
            ROWS,
            LABEL,
            PLAIN.model_copy(update={"augment": NO_AUGMENT.model_copy(update={"flip_prob": flip})}),
            np.random.default_rng(0),
            (1,),
        )[0]
        for flip in (0.0, 1.0)
    )
    assert torch.equal(mirrored["images"], straight["images"].flip(-1))
    changed = (mirrored["geometry"] != straight["geometry"]).flatten(0, 1).any(0)
    assert [name for name, one in zip(GEOMETRY, changed, strict=True) if one] == [
        "sideline_right",
        "endzone_right",
    ]


def test_scores_are_those_of_the_windows_it_was_trained_on(model):
    config = PLAIN.model_copy(update={"tta": TtaConfig(offsets=1)})
    x = embed_rows(model.embed_images, ROWS.players, config)
    scores = predict_from_embeddings(model, x, ROWS, config)
    data = epoch_dataset(CLIPS, ROWS, LABEL, config, np.random.default_rng(0), (1,))
    data.windows = split_into_windows(ROWS, config.clip_length, 0)
    for index, window in enumerate(data.windows):
        logits = model(**inputs(collate_windows([data[index]])))[0].detach().numpy()
        at = window.rows >= 0
        np.testing.assert_allclose(scores[window.rows[at]], logits[at], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("image_epochs", "parts"), [(0, 2), (1, 4)])
def test_training_goes_on_in_parts_where_memory_runs_out(monkeypatch, image_epochs, parts):
    embed, most = ContactModel.embed_images, 40 if image_epochs == 0 else 20

    def embed_images(self, images):
        if len(images) > most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return embed(self, images)

    monkeypatch.setattr(ContactModel, "embed_images", embed_images)
    update = {"image_epochs": image_epochs, "clips_per_epoch": 8, "image_batch_size": 32}
    config = CONFIG.model_copy(update=update)
    job = TrainingJob(ROWS, LABEL, config, 3, (1,), 1)
    trainer = Trainer(job, make_fabric(config, []), None)
    assert np.isfinite(trainer.train_one_epoch(0).train_loss)
    assert trainer.micro_batches == parts
    most = 0
    with pytest.raises(torch.cuda.OutOfMemoryError):
        trainer.train_one_epoch(0)
    assert trainer.micro_batches <= 8, "a window, or a sample of players, is not split"


@pytest.mark.slow
def test_gradients_have_the_same_bytes_with_several_threads():
    """With as many players as a play has: torch adds up small arrays in one thread."""
    rows, label = make_token_rows(players=22, steps=16)
    config = PLAIN.model_copy(update={"clip_length": 16, "embed_dim": 128, "encoder_options": {}})
    data = epoch_dataset(CLIPS, rows, label, config, np.random.default_rng(0), (1,))
    data.windows = split_into_windows(rows, 16, 0)
    batch = collate_windows([data[0]])
    torch.manual_seed(0)
    model = as_if_trained(TokenModel(config, 3)).eval()
    x = torch.randn(len(batch["images"]), 128)
    clips = {name: value for name, value in inputs(batch).items() if name != "images"}
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        every = []
        for _ in range(6):
            model.zero_grad()
            model.forward_clips(x, **clips).square().mean().backward()
            every.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    finally:
        torch.set_num_threads(threads)
    for other in every[1:]:
        assert all(torch.equal(*pair) for pair in zip(every[0], other, strict=True))


@pytest.mark.slow
def test_it_learns_a_learnable_problem():
    rows, label = make_token_rows(seed=3, players=5, steps=16)
    schedule = {"image_epochs": 3, "clip_epochs": 6, "clips_per_epoch": 60, "ema_decay": 0.8}
    rates = {"batch_size": 1, "learning_rate": 0.003, "clip_lr_scale": 1.0}
    small = {"encoder": "contact_resnet10_small"}
    config = PLAIN.model_copy(update=schedule | rates | small)
    model, log = train_model(TrainingJob(rows, label, config, 3, (1,), 1))
    losses = [line.train_loss for line in log if line.phase == "clips"]
    assert losses[-1] < losses[0] / 2
    unseen, truth = make_token_rows(seed=5)
    logits = predict_logits(model, unseen, config, 1)
    assert logits[truth].mean() > logits[~truth].mean() + 1


def test_rows_of_pairs_and_images_of_pairs_have_the_same_interface():
    rows, _ = make_open_rows()
    assert rows.image_rows is rows
    assert ROWS.image_rows is ROWS.players
    part = rows[np.array([3, 1])]
    assert part.track.tolist() == rows.track[[3, 1]].tolist()
    shown = np.zeros(len(rows), dtype=bool)
    for play in (0, 1):
        at = rows.play_index == play
        shown[at] = rows.crops[play].visible[rows.crop_index[at]].any(axis=1)
    assert np.array_equal(rows.is_visible, shown)
