"""Names and sizes that the competition fixed."""

VIEWS = ("Sideline", "Endzone")  # those with helmet boxes; All29 has neither boxes nor a clock
VIEW_ALIASES = {"Endzone2": "Endzone"}  # a stray spelling in the real tables
GROUND = -1  # nfl_player_id of the ground, written `G` in the tables
GROUND_TEXT = "G"
FRAME_WIDTH, FRAME_HEIGHT = 1280, 720  # pixels
FIELD_LENGTH, FIELD_WIDTH = 120.0, 160 / 3  # yards, end zones included

TRACKING_COLUMNS = (
    *("game_play", "game_key", "play_id", "nfl_player_id", "datetime", "step", "team", "position"),
    *("jersey_number", "x_position", "y_position", "speed", "distance", "direction", "orientation"),
    *("acceleration", "sa"),
)
HELMET_COLUMNS = (
    *("game_play", "game_key", "play_id", "view", "video", "frame", "nfl_player_id"),
    *("player_label", "left", "width", "top", "height"),
)
VIDEO_COLUMNS = ("game_play", "game_key", "play_id", "view", "start_time", "end_time", "snap_time")
LABEL_COLUMNS = (
    *("contact_id", "game_play", "datetime", "step"),
    *("nfl_player_id_1", "nfl_player_id_2", "contact"),
)
SUBMISSION_COLUMNS = ("contact_id", "contact")
