"""Whole frames to look at: the snap, the first contact of opponents and the pile of a play, both views, with boxes and who touches whom."""

from pathlib import Path

import numpy as np

from player_contact.competition.names import FRAME_HEIGHT, FRAME_WIDTH, VIEWS
from player_contact.competition.season import PlayTables, read_season
from player_contact.errors import InputError
from player_contact.files import replacing
from player_contact.play import Play, Rows, build_play
from player_contact.video.decode import VideoError, colour_frames

TEAMS = ((0, 150, 255), (255, 170, 30))  # BGR, away and home, told apart by colour-blind eyes too
CONTACT = (60, 255, 255)
SHRINK, TITLE = 2, 26
WORDS = 0.5  # size of the letters


def write_frame_sheet(folder: Path, split: str, game_play: str, output: Path) -> None:
    """Writes a picture (.png or .jpg) with three moments of a play, one line each, Sideline left and Endzone right, and below what is drawn.

    Boxes are those of the helmets table at that frame; a line joins the helmets of players in contact, a disc marks one in contact with the ground.
    `game_play` "" takes the first play that has videos. Where the labels are not known, the moments are the snap, the middle and the end. Raises
    InputError where the season can't be read, holds no such play, or the play has no video.
    """
    import cv2

    if output.suffix not in (".png", ".jpg"):
        raise InputError(f"{output} must end in .png or .jpg")
    if split not in ("train", "test"):
        raise InputError(f"{split!r} is no split: train or test")
    tables = _find(folder, split, game_play)
    play, rows = build_play(tables)
    contact = tables.rows["contact"].to_numpy(dtype=bool) if "contact" in tables.rows else np.zeros(len(rows), dtype=bool)
    width, height = FRAME_WIDTH // SHRINK, FRAME_HEIGHT // SHRINK
    moments = _moments(play, rows, contact)
    sheet = np.full((len(moments) * (height + TITLE) + TITLE, len(VIEWS) * width, 3), 255, dtype=np.uint8)
    for line, (title, step) in enumerate(moments):
        for column, name in enumerate(VIEWS):
            top, left = line * (height + TITLE), column * width
            text = f"{play.game_play} {name}, step {play.steps[step]}: {title}"
            cv2.putText(sheet, text, (left + 6, top + 18), cv2.FONT_HERSHEY_SIMPLEX, WORDS, (0, 0, 0), 1, cv2.LINE_AA)
            if name in play.views and (picture := _picture(play, name, step)) is not None:
                _draw(picture, play, name, step, rows[contact & (rows.step == step)])
                small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
                sheet[top + TITLE : top + TITLE + height, left : left + width] = small
    sheet[-TITLE:] = _legend(sheet.shape[1], labelled="contact" in tables.rows)
    with replacing(output) as temporary:
        temporary.write_bytes(cv2.imencode(output.suffix, sheet, [cv2.IMWRITE_JPEG_QUALITY, 82] if output.suffix == ".jpg" else [])[1].tobytes())


def _find(folder: Path, split: str, game_play: str) -> PlayTables:
    for tables in read_season(folder, split).plays():
        filmed = any((tables.video_folder / f"{tables.game_play}_{view}.mp4").is_file() for view in VIEWS)
        if tables.game_play == game_play and not filmed:
            raise InputError(f"{tables.video_folder} holds no video of {game_play}: there is no frame to look at")
        if filmed and game_play in ("", tables.game_play):
            return tables
    raise InputError(f"{folder} has no {split} play {game_play or 'with videos'}")


def _moments(play: Play, rows: Rows, contact: np.ndarray) -> list[tuple[str, int]]:
    """What to look at, and its place on the S axis."""
    labelled = np.unique(rows.step)
    if not contact.any():
        return [("snap", labelled[0]), ("middle", labelled[len(labelled) // 2]), ("end", labelled[-1])]
    opponents = contact & ~rows.is_ground & (play.home[rows.first] != play.home[rows.second])
    first = rows.step[opponents if opponents.any() else contact].min()
    return [("snap", labelled[0]), ("first contact of opponents", int(first)), ("most contacts", int(np.bincount(rows.step[contact]).argmax()))]


def _picture(play: Play, view: str, step: int) -> np.ndarray | None:
    seen = play.views[view]
    try:
        for _, picture in colour_frames(seen.video, seen.frame_of(play.times[[step]])):
            return np.ascontiguousarray(picture)
    except VideoError:
        return None
    return None


def _draw(picture: np.ndarray, play: Play, view: str, step: int, touching: Rows) -> None:
    import cv2

    boxes = play.views[view].boxes[int(play.views[view].frame_of(play.times[[step]])[0])]
    centre, size = boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]
    for player in np.flatnonzero(~np.isnan(centre[:, 0])):
        low, high = centre[player] - size[player] / 2, centre[player] + size[player] / 2
        cv2.rectangle(picture, np.rint(low).astype(int).tolist(), np.rint(high).astype(int).tolist(), TEAMS[int(play.home[player])], 2)
    for one, two, ground in zip(touching.first, touching.second, touching.is_ground, strict=True):
        ends = centre[[one, one if ground else two]]
        if not np.isnan(ends).any():
            if ground:
                cv2.circle(picture, np.rint(ends[0]).astype(int).tolist(), 5, CONTACT, cv2.FILLED, cv2.LINE_AA)
            else:
                cv2.line(picture, np.rint(ends[0]).astype(int).tolist(), np.rint(ends[1]).astype(int).tolist(), CONTACT, 2, cv2.LINE_AA)


def _legend(width: int, labelled: bool) -> np.ndarray:
    """[TITLE, width, 3] what boxes, lines and discs mean."""
    import cv2

    strip = np.full((TITLE, width, 3), 255, dtype=np.uint8)
    middle, at = TITLE // 2, 6

    def write(text: str) -> None:
        nonlocal at
        cv2.putText(strip, text, (at, middle + 5), cv2.FONT_HERSHEY_SIMPLEX, WORDS, (0, 0, 0), 1, cv2.LINE_AA)
        at += cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, WORDS, 1)[0][0] + 14

    write("helmet boxes as they were detected:")
    for side, colour in zip(("away", "home"), TEAMS, strict=True):
        cv2.rectangle(strip, (at, middle - 6), (at + 12, middle + 6), colour, 2)
        at += 20
        write(side)
    if labelled:
        cv2.line(strip, (at + 12, middle), (at + 40, middle), (0, 0, 0), 4, cv2.LINE_AA)  # its edge: yellow can hardly be seen on white
        cv2.line(strip, (at + 12, middle), (at + 40, middle), CONTACT, 2, cv2.LINE_AA)
        at += 52
        write("two players in contact")
        cv2.circle(strip, (at + 12, middle), 5, (0, 0, 0), cv2.FILLED, cv2.LINE_AA)
        cv2.circle(strip, (at + 12, middle), 4, CONTACT, cv2.FILLED, cv2.LINE_AA)
        at += 26
        write("in contact with the ground")
    else:
        at += 12
        write("who touches whom is not known of test plays")
    return strip
