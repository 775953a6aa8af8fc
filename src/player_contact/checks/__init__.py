"""What is checked about a finished run: an audit of its folds and labels, damaged inputs, and a short time budget."""
