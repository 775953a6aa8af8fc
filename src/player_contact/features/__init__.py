"""Features of a row: functions of a play that return named columns, and one list of what goes in."""
