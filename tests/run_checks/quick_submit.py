"""What the notebook runs, but for the imports it tries first, which take seconds a prediction."""

from player_contact.kaggle import submit

if __name__ == "__main__":
    submit.NEEDED = "numpy"
    submit.main()
