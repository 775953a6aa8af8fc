"""The stages of a run. Each reads what earlier ones wrote, calls plain functions, and writes its outputs into the folder it is given.

    folds -> features -> screen -> crops -> vision -> blend -> ladder -> bundle -> submission -> report

Tables of predictions have a column `row`, the row's place in the season's labels, and are joined on it.
"""
