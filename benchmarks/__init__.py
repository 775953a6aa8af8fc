"""Time and memory of the stages, beside the machine's limits and the usual alternatives."""
