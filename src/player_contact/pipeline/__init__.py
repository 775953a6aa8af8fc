"""The stages of a run. Each reads what earlier ones wrote and writes into the folder it is given.

    folds -> features -> screen -> crops -> vision -> blend -> scores -> bundle -> submission
    -> report

Tables of predictions are joined on their column `row`, the position in the season's labels.
"""
