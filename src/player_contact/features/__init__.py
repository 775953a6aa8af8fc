"""Features of rows: functions of a play that return named columns, and the list of them."""
